//! Over TLS, with a certificate of the test's own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use countersign::Token;
use countersign_tests::servers::Redis;
use redis::{Client, TlsCertificates};
use tempfile::TempDir;

use super::*;
use crate::keys::key;

/// A key, and a certificate for `localhost` that it has signed itself; `None` without `openssl`.
fn certificate(directory: &Path) -> Option<[String; 2]> {
    let [key, certificate] =
        ["key", "certificate"].map(|name| directory.join(name).display().to_string());
    let status = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &key, "-out", &certificate])
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) => assert!(status.success(), "{status}"),
        Err(_) => return None,
    }
    Some([key, certificate])
}

#[tokio::test]
async fn a_certificate_is_asked_for_and_checked() {
    let directory = TempDir::new().unwrap();
    let Some([key_file, file]) = certificate(directory.path()) else {
        println!("skipped: there is no openssl to make a certificate with");
        return;
    };
    let port = free_address().port().to_string();
    let settings = [
        "--tls-port",
        &port,
        "--tls-cert-file",
        &file,
        "--tls-key-file",
        &key_file,
        "--tls-ca-cert-file",
        &file,
        "--tls-auth-clients",
        "no",
    ];
    let Some(server) = Redis::with(&settings) else {
        return;
    };
    let url = format!("rediss://localhost:{port}/");
    let keys = [key("event")];

    let trusting = TlsCertificates {
        client_tls: None,
        root_cert: Some(fs::read(&file).unwrap()),
    };
    let client = Client::build_with_tls(url.as_str(), trusting).unwrap();
    let store = patient(RedisStore::new(client).unwrap());
    assert_eq!(claim(&store, &keys, Token::random()).await, acquired(&keys));
    assert_eq!(asked::<usize>(&server, &["DBSIZE"]), 1);

    let store = patient(RedisStore::open(&url).unwrap());
    let refused = store.check().await.unwrap_err();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(cause.to_lowercase().contains("certificate"), "{cause}");
}
