//! What may have happened to the body between the sender's signature and the capture.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};

use super::Code;
use super::{forms, json};

/// The most bytes that a compressed body is unpacked to: a few of them can stand for very many.
const MAX_UNPACKED: u64 = 16 * 1024 * 1024;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A body to try.
pub(super) struct Body {
    pub(super) code: Code,
    pub(super) detail: String,
    pub(super) bytes: Bytes,
}

/// The bodies that may have been signed, likely ones first and each once.
pub(super) fn bodies(body: &Bytes) -> Vec<Body> {
    let mut all = Vec::new();
    let mut add = |code, detail: &str, bytes: Vec<u8>| {
        let known = |other: &Body| other.bytes == bytes;
        if bytes != *body && !all.iter().any(known) {
            let detail = detail.to_owned();
            all.push(Body {
                code,
                detail,
                bytes: bytes.into(),
            });
        }
    };

    let added = "The body has a line end behind it that was not signed: save and verify the bytes \
                 exactly as they were received.";
    for end in [&b"\r\n"[..], b"\n"] {
        if let Some(rest) = body.strip_suffix(end) {
            add(Code::TrailingNewlineInBody, added, rest.to_vec());
        }
    }
    add(
        Code::TrailingNewlineInBody,
        added,
        body.trim_ascii_end().to_vec(),
    );
    let lost = "The body was signed with a line end behind it, which it lost on its way: save and \
                verify the bytes exactly as they were received.";
    for end in [&b"\n"[..], b"\r\n"] {
        add(Code::MissingTrailingNewline, lost, [body, end].concat());
    }
    let converted = "The line ends of the body were converted: keep LF and CR LF as they came, and \
                     read and write the body as bytes, not as text.";
    add(Code::CrlfBody, converted, to_lf(body));
    add(Code::CrlfBody, converted, to_crlf(body));
    let marked = "A byte order mark makes the difference: one was put before the body, or taken away \
                  from it. Handle the body as bytes, not as text.";
    match body.strip_prefix(BOM) {
        Some(rest) => add(Code::Bom, marked, rest.to_vec()),
        None => add(Code::Bom, marked, [BOM, body].concat()),
    }
    let packed = "The body is compressed, and what was signed is the body before that: verify what the \
                  sender signed.";
    for unpacked in unpacked(body) {
        add(Code::CompressedBody, packed, unpacked);
    }
    for rewritten in json::rewritten(body) {
        let detail = format!(
            "The body was parsed and written again before it was verified; signed is the same JSON \
             {}. Verify the raw bytes, before any parser sees them.",
            rewritten.how
        );
        add(Code::ReserialisedJson, &detail, rewritten.bytes);
    }
    for (how, rewritten) in forms::rewritten(body) {
        let detail = format!(
            "The form was parsed and written again before it was verified; signed is the form {how}. \
             Verify the raw bytes, before any parser sees them."
        );
        add(Code::RewrittenForm, &detail, rewritten);
    }
    all
}

fn to_lf(body: &[u8]) -> Vec<u8> {
    let mut lf = Vec::with_capacity(body.len());
    let mut bytes = body.iter().peekable();
    while let Some(byte) = bytes.next() {
        if !(*byte == b'\r' && bytes.peek() == Some(&&b'\n')) {
            lf.push(*byte);
        }
    }
    lf
}

fn to_crlf(body: &[u8]) -> Vec<u8> {
    let mut crlf = Vec::with_capacity(body.len());
    for byte in to_lf(body) {
        if byte == b'\n' {
            crlf.push(b'\r');
        }
        crlf.push(byte);
    }
    crlf
}

/// The body unpacked, by whatever packed it.
fn unpacked(body: &[u8]) -> Vec<Vec<u8>> {
    let gzip = body
        .starts_with(b"\x1f\x8b")
        .then(|| read(GzDecoder::new(body)));
    let zlib = body
        .starts_with(b"\x78")
        .then(|| read(ZlibDecoder::new(body)));
    let all = [
        gzip.flatten(),
        zlib.flatten(),
        read(DeflateDecoder::new(body)),
    ];
    all.into_iter().flatten().collect()
}

fn read(decoder: impl Read) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    decoder.take(MAX_UNPACKED).read_to_end(&mut unpacked).ok()?;
    (!unpacked.is_empty()).then_some(unpacked)
}
