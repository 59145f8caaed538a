//! The cases: what is sent, what it deserves, and whether that is what came back.

use std::io;
use std::time::{Duration, SystemTime};

use countersign::{Secret, UnixTime, Verifier};
use countersign_testkit::{Signed, Signer};

use super::Row;
use super::post::Sender;
use super::shop::{self, Ledger, PROVIDERS, SECRET, provider_of};

/// How many copies are sent at once.
const COPIES: usize = 50;

/// One provider's side: it signs, and knows the ids its events will have.
struct Provider {
    name: &'static str,
    path: String,
    signer: Signer,
    stranger: Signer,
    verifier: Verifier,
    ledger: Ledger,
    sender: Sender,
}

/// Plays all cases, in the order of the table.
pub(super) async fn all() -> io::Result<Vec<Row>> {
    let ledger = Ledger::default();
    let sender = Sender::new(shop::open(&ledger).await?);
    let mut rows = Vec::new();
    for name in PROVIDERS {
        let provider = Provider::new(name, &ledger, &sender)?;
        rows.push(provider.genuine().await?);
        rows.push(provider.duplicate().await?);
        rows.push(provider.retry().await?);
        rows.push(provider.forged().await?);
        rows.push(match name {
            "fedapay" => provider.stale().await?,
            _ => provider.replayed().await?,
        });
        match name {
            "fedapay" => {
                rows.push(provider.concurrent().await?);
                rows.push(provider.hangup().await?);
            }
            "banking-circle" => rows.push(provider.batch().await?),
            "4pay" => rows.push(provider.oversized().await?),
            _ => {}
        }
    }
    Ok(rows)
}

/// Waits until something has happened, for 10 seconds at most.
pub(super) async fn until(happened: impl Fn() -> bool) {
    for _ in 0..1000 {
        if happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn now() -> UnixTime {
    SystemTime::now().into()
}

impl Provider {
    fn new(name: &'static str, ledger: &Ledger, sender: &Sender) -> io::Result<Self> {
        let provider = provider_of(name).map_err(io::Error::other)?;
        let secret = Secret::new(SECRET).map_err(io::Error::other)?;
        let other = Secret::new(SECRET.to_uppercase()).map_err(io::Error::other)?;
        let signer = |secret: &Secret| Signer::new(&provider, secret).map_err(io::Error::other);
        Ok(Provider {
            name,
            path: format!("/webhooks/{name}"),
            signer: signer(&secret)?,
            stranger: signer(&other)?,
            verifier: Verifier::new(&provider, &[secret]).map_err(io::Error::other)?,
            ledger: ledger.clone(),
            sender: sender.clone(),
        })
    }

    /// A synthetic payload in the provider's form.
    fn body(&self, events: &[&str]) -> String {
        // The handlers of all providers write into one ledger.
        let events: Vec<String> = events
            .iter()
            .map(|event| format!("{}_{event}", self.name))
            .collect();
        let event = events.first().map(String::as_str).unwrap_or_default();
        match self.name {
            "centralpay" => {
                format!(
                    r#"{{"eventType":"TRANSACTION_SUCCEEDED","object":{{"reference":"{event}"}}}}"#
                )
            }
            "fedapay" => {
                format!(
                    r#"{{"id":"{event}","name":"transaction.approved","entity":{{"amount":1500}}}}"#
                )
            }
            "banking-circle" => {
                let members: Vec<String> = events
                    .iter()
                    .map(|event| {
                        format!(r#"{{"eventId":"{event}","notificationType":"IncomingPaymentProcessed"}}"#)
                    })
                    .collect();
                format!(r#"{{"notifications":[{}]}}"#, members.join(","))
            }
            "zibapay" => {
                format!(r#"{{"event":"payment.completed","data":{{"reference":"{event}"}}}}"#)
            }
            _ => format!(
                r#"{{"id":"{event}","accountUuid":"a-1","amount":"100.00","currency":"USD"}}"#
            ),
        }
    }

    fn sign(&self, events: &[&str]) -> io::Result<Signed> {
        self.signer
            .sign(self.body(events), now())
            .map_err(io::Error::other)
    }

    /// The id that the handler will see: for most providers the digest of the body.
    fn id(&self, event: &str) -> io::Result<String> {
        let request = self.sign(&[event])?.into_request();
        let verified = self
            .verifier
            .verify(&request, request.body().clone(), now())
            .map_err(io::Error::other)?;
        let events = self.verifier.identify(&verified);
        Ok(events
            .first()
            .map(|event| event.id().to_owned())
            .unwrap_or_default())
    }

    async fn send(&self, signed: &Signed) -> u16 {
        self.sender
            .deliver(&self.path, signed, signed.body().clone())
            .await
    }

    fn row(&self, case: &'static str, sent: &'static str, deserved: &'static str) -> Row {
        Row {
            provider: self.name,
            case,
            status: 0,
            ran: false,
            ok: false,
            sent,
            deserved,
        }
    }

    async fn genuine(&self) -> io::Result<Row> {
        let status = self.send(&self.sign(&["evt_1"])?).await;
        let runs = self.ledger.runs(&self.id("evt_1")?);
        let row = self.row("genuine", "an event, signed", "2xx, one run");
        Ok(Row {
            status,
            ran: runs == 1,
            ok: status == 200 && runs == 1,
            ..row
        })
    }

    async fn duplicate(&self) -> io::Result<Row> {
        let id = self.id("evt_1")?;
        let before = self.ledger.runs(&id);
        let status = self.send(&self.sign(&["evt_1"])?).await;
        let ran = self.ledger.runs(&id) > before;
        let row = self.row("duplicate", "the same event, signed anew", "200, no run");
        Ok(Row {
            status,
            ran,
            ok: status == 200 && !ran,
            ..row
        })
    }

    async fn retry(&self) -> io::Result<Row> {
        let id = self.id("evt_2")?;
        self.ledger.fail_once(&id);
        let first = self.send(&self.sign(&["evt_2"])?).await;
        let status = self.send(&self.sign(&["evt_2"])?).await;
        let ran = self.ledger.runs(&id) == 2;
        let row = self.row(
            "retry",
            "an event whose first run failed",
            "500, then 200 and a run",
        );
        Ok(Row {
            status,
            ran,
            ok: first == 500 && status == 200 && ran,
            ..row
        })
    }

    async fn forged(&self) -> io::Result<Row> {
        let signed = self
            .stranger
            .sign(self.body(&["evt_3"]), now())
            .map_err(io::Error::other)?;
        let status = self.send(&signed).await;
        let ran = self.ledger.runs(&self.id("evt_3")?) > 0;
        let row = self.row(
            "forged",
            "an event, signed with another secret",
            "401, no run",
        );
        Ok(Row {
            status,
            ran,
            ok: status == 401 && !ran,
            ..row
        })
    }

    async fn stale(&self) -> io::Result<Row> {
        let an_hour_ago = UnixTime::from_secs(now().as_secs() - 3600);
        let signed = self
            .signer
            .sign(self.body(&["evt_4"]), an_hour_ago)
            .map_err(io::Error::other)?;
        let status = self.send(&signed).await;
        let ran = self.ledger.runs(&self.id("evt_4")?) > 0;
        let row = self.row("stale", "an event, signed an hour ago", "401, no run");
        Ok(Row {
            status,
            ran,
            ok: status == 401 && !ran,
            ..row
        })
    }

    async fn replayed(&self) -> io::Result<Row> {
        let id = self.id("evt_4")?;
        let captured = self.sign(&["evt_4"])?;
        let first = self.send(&captured).await;
        let before = self.ledger.runs(&id);
        let status = self.send(&captured).await;
        let ran = self.ledger.runs(&id) > before;
        let row = self.row("replayed", "a captured request, to the byte", "200, no run");
        Ok(Row {
            status,
            ran,
            ok: first == 200 && status == 200 && before == 1 && !ran,
            ..row
        })
    }

    async fn concurrent(&self) -> io::Result<Row> {
        let id = self.id("evt_5")?;
        self.ledger.take(&id, Duration::from_millis(300));
        let mut copies = Vec::new();
        for _ in 0..COPIES {
            let signed = self.sign(&["evt_5"])?;
            let (sender, path) = (self.sender.clone(), self.path.clone());
            copies.push(tokio::spawn(async move {
                sender.deliver(&path, &signed, signed.body().clone()).await
            }));
        }
        let mut statuses = Vec::new();
        for copy in copies {
            statuses.push(copy.await.unwrap_or_default());
        }
        let ran = self.ledger.runs(&id) == 1;
        // 409 tells a copy that found no place to wait to come again.
        let odd = statuses.iter().find(|status| !matches!(status, 200 | 409));
        let status = *odd.unwrap_or(&200);
        let answered = odd.is_none() && statuses.contains(&200);
        let row = self.row("concurrent", "50 copies at once", "200 or 409, one run");
        Ok(Row {
            status,
            ran,
            ok: answered && ran,
            ..row
        })
    }

    async fn hangup(&self) -> io::Result<Row> {
        let id = self.id("evt_6")?;
        self.ledger.take(&id, Duration::from_millis(300));
        let signed = self.sign(&["evt_6"])?;
        self.sender
            .hang_up(&self.path, &signed, || self.ledger.runs(&id) > 0)
            .await?;
        until(|| self.ledger.is_done(&id)).await;
        let status = self.send(&self.sign(&["evt_6"])?).await;
        let ran = self.ledger.runs(&id) == 1;
        let row = self.row(
            "hangup",
            "an event whose sender hangs up, and a retry",
            "the run ends, then 200",
        );
        Ok(Row {
            status,
            ran,
            ok: status == 200 && ran,
            ..row
        })
    }

    async fn batch(&self) -> io::Result<Row> {
        let status = self.send(&self.sign(&["evt_1", "evt_7", "evt_8"])?).await;
        let ran_once = |event| Ok::<_, io::Error>(self.ledger.runs(&self.id(event)?) == 1);
        let fresh = ran_once("evt_7")? && ran_once("evt_8")?;
        let seen = ran_once("evt_1")?;
        let row = self.row("batch", "three events, one of them seen", "200, two runs");
        Ok(Row {
            status,
            ran: fresh,
            ok: status == 200 && fresh && seen,
            ..row
        })
    }

    async fn oversized(&self) -> io::Result<Row> {
        let signed = self.sign(&["evt_9"])?;
        let length = self.verifier.body_limit() + 1;
        let status = self.sender.announce(&self.path, &signed, length).await?;
        let ran = self.ledger.runs(&self.id("evt_9")?) > 0;
        let row = self.row(
            "oversized",
            "a byte more than the limit of 1 MiB",
            "413, no run",
        );
        Ok(Row {
            status,
            ran,
            ok: status == 413 && !ran,
            ..row
        })
    }
}
