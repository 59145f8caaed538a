//! Heads that a sender has made large.

use http::Request;

use crate::deliveries::{KEY, NOW, Style, body, request, tag};
use crate::measure::{contestant, race_for};
use crate::{Effort, verdict};

/// Verifying 256 bytes under a header with so many signatures, of which the last is right, or none.
pub(crate) fn signatures(effort: Effort) {
    println!("\n| signatures | provider | the last is right | none is |");
    println!("|---|---|---|---|");
    let body = body(256);
    for style in [Style::Stripe, Style::StandardWebhooks] {
        let (verifier, body) = (&style.verifier(&[KEY]), &body);
        for count in [1, 2, 4, 8, 16] {
            let mut tags = vec![[3; 32]; count];
            let forged = request(&style.headers(NOW, &tags));
            tags[count - 1] = tag(KEY, &style.signed(NOW, body));
            let genuine = request(&style.headers(NOW, &tags));
            let requests = [genuine, forged];
            let mut contestants = requests
                .each_ref()
                .map(|request| contestant(move || verdict(verifier, request, body)));
            let times = race_for(effort.time, &mut contestants);
            println!(
                "| {count} | {} | {:.0} ns | {:.0} ns |",
                style.name(),
                times[0],
                times[1]
            );
        }
    }
}

/// Refusing heads with thousands of headers, or of entries in one: with many others, or with many of the
/// scheme's own. Each is printed with what it is refused as.
pub(crate) fn refusals(effort: Effort) {
    let style = Style::Stripe;
    println!(
        "\n| count | other headers, no signature | the signature, so often | one header with so many signatures |"
    );
    println!("|---|---|---|---|");
    let (verifier, body) = (&style.verifier(&[KEY]), &body(256));
    for count in [10, 100, 1000, 10_000] {
        let mut others = request::<&str>(&[]);
        for number in 0..count {
            let name = format!("x-other-{number}").parse::<http::HeaderName>();
            let value = http::HeaderValue::from_static("value");
            others.headers_mut().insert(name.expect("a name"), value);
        }
        // Stripe has one header.
        let one = style.headers(NOW, &[[3; 32]]);
        let repeated: Vec<(&str, String)> = one.iter().cycle().take(count).cloned().collect();
        let long = style.headers(NOW, &vec![[3; 32]; count]);
        let requests: [Request<()>; 3] = [others, request(&repeated), request(&long)];
        let mut contestants = requests
            .each_ref()
            .map(|request| contestant(move || verdict(verifier, request, body)));
        let times = race_for(effort.time, &mut contestants);
        let cells: Vec<String> = (requests.iter().zip(&times))
            .map(|(request, time)| {
                let kind = verdict(verifier, request, body).expect("a refusal");
                format!("{time:.0} ns, {kind:?}")
            })
            .collect();
        println!("| {count} | {} |", cells.join(" | "));
    }
}
