//! What the adapters cost a request, against a handler with the same check written inline.

use bytes::Bytes;
use countersign::MemoryStore;

use crate::deliveries::{Delivery, fresh, receiver};
use crate::measure::{race, ratio};
use crate::{actix, axum};

/// The same delivery again and again.
fn repeated(length: usize) -> impl Fn() -> Delivery + Copy {
    let Delivery { signature, body } = fresh(length);
    let (signature, body): (&str, &'static Bytes) = (signature.leak(), Box::leak(Box::new(body)));
    move || Delivery {
        signature: signature.to_owned(),
        body: body.clone(),
    }
}

pub(crate) fn without_a_store() {
    for (length, limit) in [(1024, 1.06), (65536, 1.03)] {
        let runtime = runtime();
        let times = race([
            Box::new(axum::rounds(
                &runtime,
                axum::layered(receiver(MemoryStore::default()).without_dedupe()),
                repeated(length),
            )),
            Box::new(axum::rounds(&runtime, axum::inline(), repeated(length))),
        ]);
        ratio(&format!("layer.axum.{length}"), times, limit);
    }
    for (length, limit) in [(1024, 1.08), (65536, 1.03)] {
        let system = actix_web::rt::System::new();
        let times = race([
            Box::new(actix::layered(
                &system,
                receiver(MemoryStore::default()).without_dedupe(),
                repeated(length),
            )),
            Box::new(actix::inline(&system, repeated(length))),
        ]);
        ratio(&format!("layer.actix.{length}"), times, limit);
    }
}

pub(crate) fn with_the_memory_store() {
    let new = || fresh(1024);
    let runtime = runtime();
    let layered = axum::layered(receiver(MemoryStore::default()));
    let times = race([
        Box::new(axum::rounds(&runtime, layered, new)),
        Box::new(axum::rounds(&runtime, axum::inline(), new)),
    ]);
    ratio("gate.axum.1024", times, 1.40);

    let system = actix_web::rt::System::new();
    let times = race([
        Box::new(actix::layered(
            &system,
            receiver(MemoryStore::default()),
            new,
        )),
        Box::new(actix::inline(&system, new)),
    ]);
    ratio("gate.actix.1024", times, 1.40);
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}
