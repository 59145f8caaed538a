//! `--capture`: what came can be looked at again.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use countersign::provider;
use serde_json::{Value, json};

use super::stage::{self, Listener, signed};
use crate::run::run;

#[test]
fn what_is_captured_can_be_verified_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let captures = folder.path().join("deliveries");
    let path = captures.to_str().unwrap();
    let listener = Listener::start_as(
        &[
            "--provider",
            "centralpay",
            "--signature-header",
            "x-not-known-yet",
        ],
        &["--capture", path],
        &[],
    );
    let header = provider::Setting::SignatureHeader("X-Cp-Digest".into());
    let centralpay = provider::centralpay().with(header).unwrap();
    let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(200_000));
    assert_eq!(
        listener
            .send(&signed(&centralpay, &body).to("/?q=1"))
            .status,
        401
    );
    assert_eq!(listener.send(&signed(&centralpay, "{}")).status, 401);
    listener.stop("TERM");

    let mut files: Vec<_> = fs::read_dir(&captures)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 2);
    for file in &files {
        assert_eq!(
            fs::metadata(file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let file = file.to_str().unwrap();
        let common = [
            "--provider",
            "centralpay",
            "--secret",
            stage::SECRET,
            "--request",
            file,
            "--json",
        ];
        let verified = run(["verify", "--signature-header", "X-Cp-Digest"]
            .iter()
            .chain(&common));
        verified.verified();
        // The header that nobody documented.
        let explained = run(["explain"].iter().chain(&common)).json();
        assert_eq!(explained["causes"][0]["code"], "other_signature_header");
    }
    let first: Value = serde_json::from_slice(&fs::read(&files[0]).unwrap()).unwrap();
    assert_eq!(
        (
            &first["method"],
            first["url"].as_str().unwrap().ends_with("/?q=1")
        ),
        (&json!("POST"), true)
    );
}

/// What comes over the wire is the receiver's to judge, captured or not.
#[test]
fn a_capture_changes_no_answer() {
    use std::io::{Read, Write};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for more in [&[][..], &["--capture", path]] {
        let listener = Listener::start("4pay", more);
        let whole = signed(&provider::fourpay(), "ch");
        let signature = &whole.headers[0].1;
        let head = format!("POST / HTTP/1.1\r\nhost: h\r\nx-webhook-signature: {signature}\r\n");
        for (rest, status) in [
            ("transfer-encoding: chunked\r\n\r\n2\r\nch\r\nZZ\r\n", "400"),
            (
                "transfer-encoding: chunked\r\n\r\n2\r\nch\r\n0\r\n\r\n",
                "200",
            ),
            ("content-length: 99999999\r\n\r\n", "413"),
        ] {
            let mut socket = std::net::TcpStream::connect(listener.address).unwrap();
            socket
                .write_all(format!("{head}{rest}").as_bytes())
                .unwrap();
            let mut answer = [0; 12];
            socket.read_exact(&mut answer).unwrap();
            assert_eq!(
                std::str::from_utf8(&answer).unwrap(),
                format!("HTTP/1.1 {status}")
            );
        }
        drop(listener);
    }
    let kept = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(kept, 2, "what broke off is no delivery");
}

#[test]
fn only_the_newest_captures_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for number in 0..1000 {
        fs::write(
            path.join(format!("delivery-00000000000001-{number:06}.json")),
            "{}",
        )
        .unwrap();
    }
    fs::write(path.join("mine.txt"), "").unwrap();
    let listener = Listener::start("4pay", &["--capture", path.to_str().unwrap()]);
    listener.send(&signed(&provider::fourpay(), "{}"));
    listener.stop("TERM");
    assert_eq!(fs::read_dir(path).unwrap().count(), 1001);
    assert!(path.join("mine.txt").exists());
    assert!(!path.join("delivery-00000000000001-000000.json").exists());
    assert!(path.join("delivery-00000000000001-000001.json").exists());
}
