//! `countersign send`: deliveries at a server, as the provider would make them.

mod deliver;
mod summary;

use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::Duration;

use bytes::Bytes;
use clap::ArgGroup;
use countersign::{ConfigErrorKind, IdSource, Provider};
use countersign_testkit::{Fault, Sample, Schedule};
use futures_util::StreamExt as _;
use futures_util::stream;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::Semaphore;

use self::deliver::{Answer, Sender};
use self::summary::Summary;
use crate::Ending;
use crate::failure::{Failure, Reason};
use crate::http_client::client;
use crate::input::{Input, at_most_one_stdin};
use crate::output;
use crate::provider_choice::{ProviderArgs, with_url};
use crate::secrets::SecretArgs;
use crate::sign::signer;
use crate::url::Url;

/// Deliver events to a server as the provider would, and judge its answers
///
/// Deserved is a 2xx for an event, 200 or 409 for a further copy of it, 400, 401 or 403 for one that is
/// forged or ill-timed, and 413 for one that is too large.
#[derive(clap::Args)]
#[command(group(ArgGroup::new("what").required(true).args(["body", "event"])), after_help = EXAMPLE)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    provider: ProviderArgs,

    #[command(flatten)]
    secrets: SecretArgs,

    /// Where to deliver
    #[arg(long, value_name = "URL")]
    to: Url,

    /// The body to deliver
    #[arg(long, value_name = "FILE|-")]
    body: Option<Input>,

    /// Deliver a sample event of this type, with a fresh id and time
    #[arg(long, value_name = "TYPE")]
    event: Option<String>,

    /// How many distinct events
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,

    /// How many deliveries at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,

    /// How many further copies of each event
    #[arg(long, value_name = "N", default_value_t = 0)]
    duplicates: u32,

    /// What is wrong with each delivery
    #[arg(long, value_name = "FAULT", value_parser = FAULTS)]
    fault: Option<String>,

    /// Come again on the provider's schedule until the answer is 2xx; not with --fault
    #[arg(long)]
    retry: bool,

    /// With --retry: how long a second of the schedule takes; 0.001 makes hours seconds
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = scale)]
    time_scale: f64,
}

const FAULTS: [&str; 6] = [
    "tampered",
    "wrong-secret",
    "stale",
    "future",
    "missing-signature",
    "oversized",
];

const EXAMPLE: &str = "\
Examples:
  countersign send --provider fedapay --secret-file fedapay.secret \\
      --to http://127.0.0.1:8080/webhooks/fedapay --event transaction.approved --duplicates 3
  countersign send --provider 4pay --secret-file 4pay.secret --to http://127.0.0.1:8080/webhooks/4pay \\
      --event account_topup --fault tampered
  countersign send --provider banking-circle --secret-file bank.secret --to http://127.0.0.1:8080/ \\
      --event Reversed --retry --time-scale 0.001

Exit status: 0 every answer was deserved, 1 one was not, 2 the input cannot be used.";

/// The longest body that is read: twice the largest limit there is.
const MAX_BODY: usize = 100_000_000;

impl SendArgs {
    pub(crate) fn run(self, json: bool) -> Result<Ending, Failure> {
        at_most_one_stdin(self.secrets.inputs().chain(&self.body))?;
        let runtime = tokio::runtime::Runtime::new()
            .map_err(|error| usage(format!("cannot start: {error}")))?;
        runtime.block_on(self.send(json))
    }

    async fn send(self, json: bool) -> Result<Ending, Failure> {
        if !self.to.is_plain() {
            return Err(usage(
                "--to takes an http:// URL; TLS is not spoken here".to_owned(),
            ));
        }
        let provider = self.provider.read()?;
        let provider = match provider.scheme().signs_url() {
            true => with_url(provider, Some(self.to.as_str()))?,
            false => provider,
        };
        let secrets = self.secrets.read()?;
        // What no server would take is nothing to send with.
        signer(&provider, &secrets, None)?;
        let fault = self.fault.as_deref().and_then(Fault::named);
        if let Some(fault) = fault
            && !fault.applies_to(&provider)
        {
            let reason = Reason::Config(ConfigErrorKind::NotApplicable);
            let message = format!("a delivery of {} cannot be {fault}", provider.name());
            return Err(Failure::new(reason, message));
        }
        let bodies = Bodies::read(self.body, self.event, self.count, &provider)?;
        if let Bodies::Samples(kind) = &bodies
            && Sample::of(&provider, kind)?.is_synthetic()
            && !json
        {
            output::text(&"the sample is synthetic: its provider publishes none of this type\n");
        }
        let Some(secret) = secrets.into_iter().next() else {
            return Err(usage("no secret to sign with".to_owned()));
        };
        let at_once = usize::from(self.concurrency);
        let schedule = Schedule::of(&provider);
        if self.retry && schedule.gaps().is_empty() {
            let reason = Reason::Config(ConfigErrorKind::NotApplicable);
            let message = format!("nothing is known of how {} retries", provider.name());
            return Err(Failure::new(reason, message));
        }
        let sender = Sender {
            client: client(),
            url: self.to,
            patience: schedule.answer_within(),
            // What is refused as it deserves is not sent again.
            schedule: (self.retry && fault.is_none()).then_some(schedule),
            scale: self.time_scale,
            fault,
            provider,
            secret,
            places: Semaphore::new(at_once),
        };
        let copies = u64::from(self.duplicates) + 1;
        let bar = bar(u64::from(self.count) * copies, json);
        let summary = RefCell::new(Summary::new(fault));
        let tell = |answer: &Answer| {
            if json {
                output::json_line(answer);
            }
            bar.inc(1);
            summary.borrow_mut().add(answer);
        };
        // Of copies that are on their way at once, each is judged by what became of the others.
        let together = at_once > 1 && copies > 1;
        let events = (0..self.count).map(|number| {
            let event = bodies.event(number, &sender.provider);
            let (sender, tell) = (&sender, &tell);
            async move {
                let event = event?;
                let copies = (0..copies).map(|copy| {
                    sender.deliver(&event, (number, copy), |answer| {
                        if !together {
                            judge(std::slice::from_mut(answer), fault, false);
                            tell(answer);
                        }
                    })
                });
                let answers: Vec<Vec<Answer>> =
                    stream::iter(copies).buffered(at_once).collect().await;
                Ok::<_, Failure>(answers.concat())
            }
        });
        let mut events = stream::iter(events).buffered(at_once);
        while let Some(answers) = events.next().await {
            let mut answers = answers?;
            if together {
                judge(&mut answers, fault, true);
                answers.iter().for_each(tell);
            }
        }
        drop(events);
        let summary = summary.borrow();
        bar.finish_and_clear();
        if !json {
            output::text(&*summary);
        }
        Ok(match summary.is_good() {
            true => Ending::Good,
            false => Ending::Bad,
        })
    }
}

/// What is delivered.
enum Bodies {
    One(Bytes),
    /// Samples of this type.
    Samples(String),
}

/// One event: its body, and its id where that is a signed header.
pub(super) struct Event {
    body: Bytes,
    id: Option<String>,
}

impl Bodies {
    fn read(
        body: Option<Input>,
        kind: Option<String>,
        count: u32,
        provider: &Provider,
    ) -> Result<Bodies, Failure> {
        match (body, kind) {
            (Some(input), _) => {
                let named_by_header = matches!(provider.envelope().id, IdSource::SignedHeader(_));
                if count > 1 && !named_by_header {
                    return Err(usage(
                        "a body is one event: --count needs --event".to_owned(),
                    ));
                }
                let body = input.read(MAX_BODY + 1)?;
                if body.len() > MAX_BODY {
                    return Err(usage("the body is over 100 MB".to_owned()));
                }
                Ok(Bodies::One(body.into()))
            }
            (None, Some(kind)) => {
                let kinds = Sample::kinds(provider);
                if !kinds.contains(&kind.as_str()) {
                    return Err(usage(format!(
                        "there is no sample of that type; there are: {}",
                        kinds.join(", ")
                    )));
                }
                Ok(Bodies::Samples(kind))
            }
            (None, None) => Err(usage("--body or --event is needed".to_owned())),
        }
    }

    fn event(&self, number: u32, provider: &Provider) -> Result<Event, Failure> {
        let named_by_header = matches!(provider.envelope().id, IdSource::SignedHeader(_));
        match self {
            Bodies::One(body) => Ok(Event {
                body: body.clone(),
                id: named_by_header.then(|| format!("msg_{}_{number}", std::process::id())),
            }),
            Bodies::Samples(kind) => {
                let sample = Sample::of(provider, kind)?;
                Ok(Event {
                    body: sample.body(),
                    id: named_by_header.then(|| sample.id().to_owned()),
                })
            }
        }
    }
}

/// Whether each answer is what its delivery deserves. Of copies that were on their way at once, any may
/// be the one that ran.
fn judge(answers: &mut [Answer], fault: Option<Fault>, at_once: bool) {
    let success = |answer: &Answer| {
        answer
            .status
            .is_some_and(|status| (200..300).contains(&status))
    };
    let any = answers.iter().any(success);
    // A success with a status of its own is the handler's, which runs once.
    let ran = answers
        .iter()
        .filter(|answer| success(answer) && answer.status != Some(200));
    let once = ran.count() <= 1;
    for answer in answers {
        let status = answer.status.unwrap_or_default();
        answer.expected = match fault {
            Some(Fault::Oversized) => status == 413,
            Some(_) => matches!(status, 400 | 401 | 403),
            None if answer.copy == 0 => {
                success(answer) && (status == 200 || once) || at_once && any && status == 409
            }
            None => matches!(status, 200 | 409) || at_once && once && success(answer),
        };
    }
}

fn bar(length: u64, json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn scale(text: &str) -> Result<f64, &'static str> {
    let scale: Result<f64, _> = text.parse();
    match scale {
        Ok(scale) if scale.is_finite() && (0.0..=1000.0).contains(&scale) => Ok(scale),
        _ => Err("it takes a number from 0 to 1000"),
    }
}

fn scaled(gap: Duration, scale: f64) -> Duration {
    gap.mul_f64(scale)
}

fn usage(message: String) -> Failure {
    Failure::new(Reason::Usage, message)
}
