//! `listen`: a real server, real senders, and a real target.

mod capture;
mod handshakes;
pub(crate) mod stage;
mod stores;

use countersign::provider;
use serde_json::{Value, json};

use self::stage::{Listener, Request, Target, event, signed};
use crate::run::run_with_stdin;

#[test]
fn each_event_is_forwarded_once() {
    let target = Target::answering(&[200]);
    let listener = Listener::start("fedapay", &["--forward", &target.url("/in?a=1")]);
    let body = r#"{"id":"evt_1", "name":"transaction.approved" }"#;
    let request = signed(&provider::fedapay(), body);
    assert_eq!(listener.send(&request).status, 200);
    assert_eq!(listener.send(&request).status, 200);
    assert_eq!(
        listener.send(&signed(&provider::fedapay(), body)).status,
        200
    );
    let forged = Request {
        body: b"{}".to_vec(),
        ..request.clone()
    };
    assert_eq!(listener.send(&forged).status, 401);
    assert_eq!(listener.send(&request.to("/other")).status, 404);
    assert_eq!(
        listener
            .send(&Request {
                method: "GET",
                ..request.clone()
            })
            .status,
        405
    );

    let [taken] = target.taken().try_into().unwrap();
    assert_eq!(
        (&*taken.line, &*taken.body),
        ("POST /in?a=1 HTTP/1.1", body.as_bytes())
    );
    let named = |outcome, reason: Option<&str>, status: u16| {
        let (id, kind) = match reason {
            None => (json!("evt_1"), json!("transaction.approved")),
            Some(_) => (Value::Null, Value::Null),
        };
        json!({"outcome": outcome, "reason": reason, "status": status, "id": id, "type": kind})
    };
    assert_eq!(
        listener.stop("TERM"),
        [
            named("delivered", None, 200),
            named("duplicate", None, 200),
            named("duplicate", None, 200),
            named("rejected", Some("signature_mismatch"), 401),
        ]
    );
}

#[test]
fn nothing_of_the_senders_headers_goes_through() {
    let target = Target::answering(&[200]);
    let listener = Listener::start(
        "fedapay",
        &["--forward", &target.url("/"), "--endpoint", "a b"],
    );
    let id = "a\\r\\nx-evil: 1\\u001b[31m{tag}\\u00e9";
    let body = format!(r#"{{"id":"{id}","name":"x\n"}}"#);
    let mut request = signed(&provider::fedapay(), &body);
    for (name, value) in [
        ("cookie", "c=1"),
        ("authorization", "Bearer x"),
        ("x-other", "y"),
    ] {
        request.headers.push((name.into(), value.into()));
    }
    assert_eq!(listener.send(&request).status, 200);
    let [taken] = target.taken().try_into().unwrap();
    let mut names: Vec<&str> = taken
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "content-length",
            "content-type",
            "countersign-endpoint",
            "countersign-event-id",
            "countersign-event-type",
            "countersign-provider",
            "host",
        ]
    );
    let header = |name| taken.header(name).unwrap();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(
        header("countersign-event-id"),
        "a%0D%0Ax-evil:%201%1B%5B31m%7Btag%7D%C3%A9"
    );
    assert_eq!(header("countersign-event-type"), "x%0A");
    assert_eq!(header("countersign-endpoint"), "a%20b");
    let lines = listener.raw_lines_until_stopped();
    assert!(
        lines
            .iter()
            .all(|line| line.chars().all(|c| !c.is_control())),
        "{lines:?}"
    );
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(line["id"], "a\r\nx-evil: 1\u{1b}[31m{tag}é");
}

#[test]
fn the_targets_answer_settles_the_event() {
    for (answer, told, again) in [
        (200, 200, "duplicate"),
        (204, 200, "duplicate"),
        (400, 400, "delivered"),
        (404, 404, "delivered"),
        (429, 429, "delivered"),
        (410, 502, "delivered"),
        (301, 502, "delivered"),
        (500, 502, "delivered"),
        (503, 502, "delivered"),
    ] {
        let target = Target::answering(&[answer, 200]);
        let listener = Listener::start("4pay", &["--forward", &target.url("/")]);
        let request = signed(&provider::fourpay(), r#"{"id":"x"}"#);
        let first = listener.send(&request);
        assert_eq!(first.status, told, "{answer}");
        assert!(first.body.is_empty(), "{first:?}");
        assert_eq!(listener.send(&request).status, 200, "{answer}");
        assert_eq!(listener.stop("INT")[1]["outcome"], again, "{answer}");
    }
}

#[test]
fn a_dead_target_is_a_502_and_a_redirect_is_not_followed() {
    let listener = Listener::start("4pay", &["--forward", &Target::dead()]);
    let request = signed(&provider::fourpay(), r#"{"id":"x"}"#);
    assert_eq!(listener.send(&request).status, 502);
    let lines = listener.stop("TERM");
    assert_eq!(lines[0]["outcome"], "handler_failed");

    let elsewhere = Target::answering(&[200]);
    let target = Target::redirecting(&elsewhere.url("/"));
    let listener = Listener::start("4pay", &["--forward", &target.url("/")]);
    assert_eq!(listener.send(&request).status, 502);
    assert!(elsewhere.taken().is_empty());
}

#[test]
fn proxy_variables_are_ignored() {
    let (target, proxy) = (Target::answering(&[200]), Target::answering(&[200]));
    let proxies =
        ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map(|name| (name, proxy.url("/")));
    let listener = Listener::start_with("4pay", &["--forward", &target.url("/")], &proxies);
    assert_eq!(
        listener.send(&signed(&provider::fourpay(), "{}")).status,
        200
    );
    assert_eq!((target.taken().len(), proxy.taken().len()), (1, 0));
}

#[test]
fn a_batch_goes_one_by_one_and_stops_at_the_first_refusal() {
    let target = Target::answering(&[200, 200, 500, 200, 200]);
    let listener = Listener::start("banking-circle", &["--forward", &target.url("/")]);
    let members =
        ["a", "b", "c", "d"].map(|id| format!(r#"{{ "eventId":"{id}","notificationType":"T"}}"#));
    let batch = format!(r#"{{"notifications":[{}]}}"#, members.join(" , "));
    let request = signed(&provider::banking_circle(), &batch);
    assert_eq!(listener.send(&request).status, 502);
    let bodies = |target: &Target| -> Vec<String> {
        let taken = target.taken().into_iter();
        taken
            .map(|taken| String::from_utf8(taken.body).unwrap())
            .collect()
    };
    assert_eq!(
        bodies(&target),
        members[..3],
        "each event's own JSON, and none behind the refusal"
    );
    assert_eq!(listener.send(&request).status, 200);
    assert_eq!(
        bodies(&target),
        [&members[..3], &members[2..]].concat(),
        "only what was left"
    );
    assert_eq!(listener.send(&request).status, 200);
    let lines = listener.stop("TERM");
    let outcomes: Vec<&str> = lines
        .iter()
        .map(|line| line["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["handler_failed", "delivered", "duplicate"]);
    assert_eq!(
        (&lines[0]["id"], &lines[0]["type"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn two_hundred_duplicates_at_once_are_forwarded_once() {
    let target = Target::slow();
    let listener = Listener::start("fedapay", &["--forward", &target.url("/")]);
    let request = signed(&provider::fedapay(), &event("evt_1"));
    let answers = listener.send_all(&vec![request.clone(); 200], || target.let_go());
    for answer in &answers {
        assert!(matches!(answer.status, 200 | 409), "{answer:?}");
        if answer.status == 409 {
            assert!(answer.head.contains("retry-after: "), "{answer:?}");
        }
    }
    assert_eq!(listener.send(&request).status, 200);
    assert_eq!(target.taken().len(), 1);
}

#[test]
fn without_a_target_every_fresh_event_commits() {
    let listener = Listener::start("fedapay", &[]);
    let request = signed(&provider::fedapay(), &event("evt_1"));
    assert_eq!(listener.send(&request).status, 200);
    assert_eq!(listener.send(&request).status, 200);
    let other = format!(r#"{{"id":"evt_1","name":"x","n":{}}}"#, 2);
    assert_eq!(
        listener.send(&signed(&provider::fedapay(), &other)).status,
        200
    );
    let lines = listener.stop("TERM");
    assert_eq!(lines[0]["outcome"], "delivered");
    assert_eq!(lines[1]["outcome"], "duplicate");
    assert_eq!(lines[2]["event"], "payload_differs", "{lines:?}");
    assert_eq!(lines[2]["id"], "evt_1");
    assert_eq!(lines[3]["outcome"], "duplicate");
}

#[test]
fn the_deadline_answers_and_the_event_settles_late() {
    let target = Target::slow();
    let listener = Listener::start("4pay", &["--forward", &target.url("/"), "--deadline", "1"]);
    let request = signed(&provider::fourpay(), "{}");
    let answer = listener.send(&request);
    assert_eq!(answer.status, 503);
    assert!(answer.head.contains("retry-after: 5"), "{answer:?}");
    assert_eq!(listener.line()["outcome"], "answer_deadline");
    target.let_go();
    let late = listener.line();
    assert_eq!(
        (&late["event"], &late["outcome"]),
        (&json!("late_settlement"), &json!("delivered"))
    );
    assert_eq!(listener.send(&request).status, 200);
    assert_eq!(listener.line()["outcome"], "duplicate");
}

#[test]
fn limits_are_as_told() {
    let listener = Listener::start(
        "stripe",
        &["--max-body", "10", "--tolerance", "30", "--path", "/a/b"],
    );
    let at = |body: &str, at: i64| stage::signed_at(&provider::stripe(), body, at).to("/a/b");
    let now = stage::now();
    assert_eq!(listener.send(&at("0123456789a", now)).status, 413);
    assert_eq!(listener.send(&at("0123456789", now - 60)).status, 401);
    let lines = listener.stop("TERM");
    assert_eq!(lines[0]["reason"], "body_too_large");
    assert_eq!(lines[1]["reason"], "timestamp_stale");
}

#[test]
fn a_stop_lets_what_is_in_hand_finish() {
    for signal in ["TERM", "INT"] {
        let target = Target::slow();
        let listener = Listener::start("fedapay", &["--forward", &target.url("/")]);
        let sending = listener.start_sending(&signed(&provider::fedapay(), &event("evt_1")));
        target.wait_for(1);
        listener.signal(signal);
        listener.wait_until_closed();
        target.let_go();
        assert_eq!(sending.join().unwrap().status, 200);
        let lines = listener.finished();
        assert_eq!(lines[0]["outcome"], "delivered", "{signal}");
    }
}

#[test]
fn what_cannot_be_used_is_one_line_and_exit_2() {
    let with = |more: &[&str]| {
        let args = [
            "listen",
            "--provider",
            "4pay",
            "--secret",
            "s3cret-s3cret",
            "--json",
        ];
        run_with_stdin(args.iter().chain(more), b"").failure()
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    assert_eq!(with(&["--bind", &taken]), "address_in_use");
    for (args, reason) in [
        (&["--bind", "nowhere"][..], "usage"),
        (&["--store", "oracle://x"], "bad_store"),
        (&["--store", ""], "bad_store"),
        (&["--forward", "not a url"], "usage"),
        (&["--forward", "/path"], "usage"),
        (&["--path", "x"], "usage"),
        (&["--path", "/{x}"], "usage"),
        (&["--path", "/:a"], "usage"),
        (&["--path", "/a/*"], "usage"),
        (&["--path", "/a b"], "usage"),
        (&["--forward", "http://h:99999/"], "usage"),
        (&["--endpoint", " "], "usage"),
        (&["--lease", "0"], "usage"),
        (&["--deadline", "0"], "usage"),
        (&["--tolerance", "-1"], "usage"),
        (&["--capture", "/dev/null/x"], "unreadable_file"),
    ] {
        assert_eq!(with(args), reason, "{args:?}");
    }
    let args = [
        "listen",
        "--provider",
        "4pay",
        "--secret",
        "s",
        "--store",
        "oracle://u:passw0rd@h/",
    ];
    let run = run_with_stdin(args, b"");
    assert!(
        run.stderr.contains("it takes: memory") && !run.stderr.contains("passw0rd"),
        "{}",
        run.stderr
    );
    assert_eq!(
        run_with_stdin(["listen", "--provider", "4pay", "--json"], b"").failure(),
        "no_secret"
    );
}

#[test]
fn people_get_lines_of_text() {
    let listener = Listener::start_as(&["--provider", "4pay"], &[], &[("TEXT", String::new())]);
    listener.send(&signed(
        &provider::fourpay(),
        r#"{"id":"1","cardUuid":"\u001b[2J"}"#,
    ));
    let lines = listener.raw_lines_until_stopped();
    assert_eq!(lines[0], "--- no_signed_time");
    assert!(
        lines[1].starts_with("200 delivered card_transaction sha256:"),
        "{lines:?}"
    );
}
