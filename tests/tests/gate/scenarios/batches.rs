//! Several events in one delivery.

use std::time::Duration;

use countersign::provider::banking_circle;
use countersign::{Outcome, Undecodable};

use crate::deliveries::{batch, signed};
use crate::sender::Sender;
use crate::site::{Leave, Route, Runs, Site};
use crate::stage::Stage;

/// S25
pub fn of_1000(stage: &Stage) {
    let (runs, slow, leave, store) = (
        Runs::default(),
        Runs::default(),
        Leave::default(),
        stage.store(),
    );
    let receiver = stage
        .bank()
        .with_store(store.clone())
        .with_wait(Duration::ZERO);
    let routes = [
        Route::new("/slow", receiver.clone(), slow.held(&leave, 500)),
        Route::new("/hook", receiver, runs.at_once(201)),
    ];
    let site = Site::with(stage.framework, routes);
    let ids: Vec<String> = (0..1000).map(|n| format!("evt-{n}")).collect();
    let mut sender = site.connect();
    assert_eq!(sender.send(&batch(&ids[300..700])).status, 201);
    let mut long = site.connect();
    long.start(&batch(&ids[..1]).to("/slow"));
    slow.begun.reach(1);
    assert_eq!(store.held(), (1, 400));

    let refused = sender.send(&batch(&ids));
    assert!(refused.is_in_progress(), "{refused:?}");
    assert_eq!(
        (runs.number(), store.held()),
        (1, (1, 400)),
        "none was run, none is left claimed"
    );

    leave.give(1);
    assert_eq!(long.response().status, 500);
    assert_eq!(sender.send(&batch(&ids)).status, 201);
    let handed = runs.ids().remove(1);
    assert_eq!(handed.len(), 600);
    assert_eq!(handed, [&ids[..300], &ids[700..]].concat());
    assert!(sender.send(&batch(&ids)).is_duplicate());
    assert_eq!(store.held(), (0, 1000));
}

/// S32
pub fn overlap(stage: &Stage) {
    let runs = Runs::default();
    let site = Site::new(stage.framework, stage.bank(), runs.at_once(201));
    assert_eq!(site.connect().send(&batch(&["a", "a"])).status, 201);
    assert_eq!(runs.ids(), [["a"]]);

    let mut senders = [site.connect(), site.connect()];
    for round in 0..50 {
        let (b, c) = (format!("b{round}"), format!("c{round}"));
        let batches = [batch(&[&b, &c]), batch(&[&c, &b])];
        for (sender, batch) in senders.iter_mut().zip(&batches) {
            sender.start(batch);
        }
        let first = senders.each_mut().map(Sender::response);
        for (n, answer) in first.iter().enumerate() {
            if answer.status != 201 && !answer.is_duplicate() {
                assert!(answer.is_in_progress(), "{answer:?}");
                assert!(senders[n].send(&batches[n]).is_duplicate());
            }
        }
    }
    let mut ids = runs.ids().concat();
    assert_eq!(ids.len(), 101);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 101, "each once");
}

/// S33
pub fn fails_in_part(stage: &Stage) {
    let (runs, store) = (Runs::default(), stage.store());
    let handler = runs.handler(|delivery| async move {
        if delivery.events().len() == 2 {
            assert!(delivery.done("a").await);
            assert!(delivery.failed("b").await);
        }
        201
    });
    let site = Site::new(
        stage.framework,
        stage.bank().with_store(store.clone()),
        handler,
    );
    let mut sender = site.connect();
    assert_eq!(
        sender.send(&batch(&["a", "b"])).status,
        500,
        "to come again"
    );
    assert_eq!(store.held(), (0, 1));
    assert_eq!(sender.send(&batch(&["a", "b"])).status, 201);
    assert_eq!(runs.ids(), [vec!["a", "b"], vec!["b"]]);
    assert!(sender.send(&batch(&["a", "b"])).is_duplicate());
    assert_eq!(site.log.count(Outcome::HandlerFailed), 1);
}

/// S34
pub fn undecodable(stage: &Stage) {
    let (runs, store) = (Runs::default(), stage.store());
    // As the extractor `Webhooks<Event>` does it in both adapters.
    let typed = runs.handler(|delivery| {
        std::future::ready(match delivery.decode_all::<banking_circle::Event>() {
            Ok(_) => 201,
            Err(_) => 422,
        })
    });
    let strict = stage.bank().with_store(store.clone());
    let lenient = strict.clone().on_undecodable(Undecodable::HandOver);
    let routes = [
        Route::new("/hook", strict, typed.clone()),
        Route::new("/lenient", lenient, typed),
    ];
    let site = Site::with(stage.framework, routes);
    let mut sender = site.connect();
    let long = "x".repeat(300);
    let members: Vec<String> = (0..600)
        .map(|n| {
            let id = if n == 300 {
                long.clone()
            } else {
                n.to_string()
            };
            let payment = if n == 200 {
                "[]"
            } else {
                r#"{"paymentId":"p"}"#
            };
            format!(r#"{{"eventId":"{id}","notificationType":"Reversed","payment":{payment}}}"#)
        })
        .collect();
    let body = format!(r#"{{"notifications":[{}]}}"#, members.join(","));
    let batch = signed(&banking_circle(), body);

    assert_eq!(sender.send(&batch).status, 422);
    assert_eq!(store.held(), (0, 599), "the others commit");
    assert_eq!(sender.send(&batch).status, 422);
    assert_eq!(runs.ids()[1], ["200"], "the retry brings one");
    assert_eq!(sender.send(&batch.clone().to("/lenient")).status, 201);
    assert_eq!(
        (runs.ids()[2].len(), store.held()),
        (1, (0, 600)),
        "and that ends it"
    );
    assert!(sender.send(&batch).is_duplicate());
}
