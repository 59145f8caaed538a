//! Secrets that change while the server runs.

use countersign::{ConfigErrorKind, Outcome};

use crate::deliveries::{another_secret, event, forged, secret};
use crate::site::{Runs, Site};
use crate::stage::Stage;

/// S21
pub fn replaced(stage: &Stage) {
    let runs = Runs::default();
    let site = Site::new(stage.framework, stage.shop(), runs.at_once(201));
    let mut sender = site.connect();
    let mut send = |post| sender.send(&post).status;
    // What is forged now, another secret signs.
    let (old, new) = (event, forged);
    assert_eq!((send(old("a")), send(new("b"))), (201, 401));

    let receiver = site.receiver();
    receiver
        .replace_secrets([another_secret(), secret()])
        .unwrap();
    assert_eq!(
        (send(old("b")), send(new("b"))),
        (201, 200),
        "one id, one run"
    );
    assert_eq!(
        (send(new("c")), send(old("c"))),
        (201, 200),
        "one id, one run"
    );
    assert_eq!(
        site.log.keys(),
        [0, 1, 0, 0, 1],
        "one matched before, and two since"
    );

    receiver.replace_secrets([another_secret()]).unwrap();
    assert_eq!((send(old("d")), send(new("d"))), (401, 201));
    assert_eq!(
        (send(old("a")), send(new("a"))),
        (401, 200),
        "what was done stays done"
    );

    // What cannot be a set of secrets changes nothing.
    let refused = receiver.replace_secrets([]).unwrap_err();
    assert_eq!(refused.kind(), ConfigErrorKind::NoSecret);
    assert_eq!((send(old("e")), send(new("e"))), (401, 201));
    assert_eq!(runs.ids(), [["a"], ["b"], ["c"], ["d"], ["e"]]);
    assert_eq!(site.log.count(Outcome::Rejected), 4);
}
