//! Lines for a shell that deliver a sample event, signed as the provider would.
//!
//! A server that anybody else can reach must print none: each is a genuine delivery.

use std::net::SocketAddr;
use std::time::SystemTime;

use countersign_testkit::{Sample, SignError, Signer};
use data_encoding::BASE64;

use crate::Endpoint;

/// A block for a terminal: for each endpoint of the server at `address` a comment and a `curl` line.
///
/// # Errors
///
/// If a sample cannot be signed.
pub fn lines_to_try<'e>(
    endpoints: impl IntoIterator<Item = &'e Endpoint>,
    address: SocketAddr,
) -> Result<String, SignError> {
    let mut block =
        "# To try it, paste a line into another terminal; its second time is a duplicate.\n\
                     # FedaPay signs the time: that line is good for five minutes.\n"
            .to_owned();
    for endpoint in endpoints {
        let line = line(endpoint, &format!("http://{address}{}", endpoint.path))?;
        block.push_str(&format!("\n{line}\n"));
    }
    Ok(block)
}

fn line(endpoint: &Endpoint, url: &str) -> Result<String, SignError> {
    let provider = endpoint.receiver.provider();
    let sample = one_line(&Sample::of(provider, kind(provider.name()))?);
    let signer = Signer::new(provider, &endpoint.secret)?;
    let signed = signer.sign(sample.clone(), SystemTime::now().into())?;

    let mut curl = "curl -i".to_owned();
    for (name, value) in signed.headers() {
        // Visible ASCII, every value.
        let value = String::from_utf8_lossy(value.as_bytes());
        curl.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
    }
    let url = quoted(url);
    // What is sealed is bytes that no terminal can hold.
    Ok(match std::str::from_utf8(signed.body()) {
        Ok(body) if body == sample => format!(
            "{curl} -H 'content-type: application/json' --data-raw {} {url}",
            quoted(body)
        ),
        _ => format!(
            "echo {} | base64 -d | {curl} -H 'content-type: application/octet-stream' --data-binary @- {url}",
            BASE64.encode(signed.body())
        ),
    })
}

/// One word for a shell, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A sample's JSON without the line ends that it is written with.
fn one_line(sample: &Sample) -> String {
    let body = sample.body();
    let json: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    json.map_or_else(
        || String::from_utf8_lossy(&body).into_owned(),
        |json| json.to_string(),
    )
}

/// What each sends, on a good day.
fn kind(provider: &str) -> &'static str {
    match provider {
        "centralpay" => "TRANSACTION_SUCCEEDED",
        "fedapay" => "transaction.approved",
        "banking-circle" => "IncomingPaymentProcessed",
        "zibapay" => "payment.completed",
        _ => "account_topup",
    }
}
