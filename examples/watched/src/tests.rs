//! What is told of deliveries that went well and of those that did not.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bytes::Bytes;
use countersign_testkit::{OverHttp, Sample, Signer, Target};

use super::*;

/// A log that can be read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The one line that tells of `what`.
    fn line(&self, what: &str) -> String {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(what)).collect();
        assert_eq!(lines.len(), 1, "{what}\n{log}");
        lines[0].to_owned()
    }
}

async fn deliver(server: &OverHttp, secret: &str, event: &Sample) -> u16 {
    let signer = Signer::new(&fedapay(), &Secret::new(secret).unwrap()).unwrap();
    let signed = signer.sign(event, SystemTime::now().into()).unwrap();
    let answer = server.deliver(signed.to("/webhooks/fedapay")).await;
    answer.unwrap().status().as_u16()
}

#[tokio::test]
async fn what_became_of_each_delivery() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let numbers = PrometheusBuilder::new().install_recorder().unwrap();
    let app = app(receiver(Secret::new(SANDBOX).unwrap()).unwrap(), numbers);
    let server = OverHttp::new(merchant::serve_in_background(app).await.unwrap());

    let [approved, declined] = ["transaction.approved", "transaction.declined"]
        .map(|kind| Sample::of(&fedapay(), kind).unwrap());
    for (secret, event, status) in [
        (SANDBOX, &approved, 200),
        (SANDBOX, &approved, 200),
        (SANDBOX, &declined, 500),
        ("wh_sandbox_of-a-forger", &approved, 401),
    ] {
        assert_eq!(deliver(&server, secret, event).await, status);
    }

    let scrape = http::Request::get("/metrics").body(Bytes::new()).unwrap();
    let scraped = server.deliver(scrape).await.unwrap().into_body();
    let scraped = std::str::from_utf8(&scraped).unwrap();
    for labels in [
        r#"outcome="delivered",reason="none""#,
        r#"outcome="duplicate",reason="none""#,
        r#"outcome="handler_failed",reason="none""#,
        r#"outcome="rejected",reason="signature_mismatch""#,
    ] {
        let line = format!(
            r#"countersign_deliveries_total{{endpoint="fedapay",provider="fedapay",{labels}}} 1"#
        );
        assert!(scraped.lines().any(|it| it == line), "{line}\n{scraped}");
    }

    let failed = log.line("handler_failed");
    for part in [
        "ERROR",
        "endpoint=\"fedapay\"",
        "status=500",
        "transaction.declined",
        "failures_in_a_row=1",
    ] {
        assert!(failed.contains(part), "{part}: {failed}");
    }
    let refused = log.line("signature_mismatch");
    for part in ["WARN", "outcome=\"rejected\"", "status=401"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    // Nothing of what a forger says is in it.
    assert!(!refused.contains("transaction"), "{refused}");
}
