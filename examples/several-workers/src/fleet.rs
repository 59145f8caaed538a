//! The workers, and the provider that sends them all the same.

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use countersign::Secret;
use countersign::provider::fedapay;
use countersign_testkit::{OverHttp, Sample, Signer, Target as _};
use futures_util::future::try_join_all;
use http::StatusCode;

use crate::{PATH, SECRET};

/// How often the provider sends an event that is not acknowledged.
const ATTEMPTS: usize = 10;

/// A worker that was started. It ends with its standard input, also when this process is killed.
struct Worker {
    process: Child,
    printed: BufReader<std::process::ChildStdout>,
    address: OverHttp,
}

impl Worker {
    fn start(file: &std::path::Path) -> Result<Worker, Box<dyn Error>> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("worker")
            .env("EVENTS", file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut printed = BufReader::new(process.stdout.take().ok_or("a worker without output")?);
        let mut address = String::new();
        printed.read_line(&mut address)?;
        Ok(Worker {
            process,
            printed,
            address: OverHttp::new(address.trim_end()),
        })
    }

    /// Lets it end, and says what it had to say.
    fn end(mut self) -> Result<(), Box<dyn Error>> {
        drop(self.process.stdin.take());
        for line in self.printed.lines() {
            println!("{}", line?);
        }
        self.process.wait()?;
        Ok(())
    }
}

pub(crate) async fn play() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let start = |_| Worker::start(&directory.path().join("events.db"));
    let workers = (0..3).map(start).collect::<Result<Vec<_>, _>>()?;

    let event = Sample::of(&fedapay(), "transaction.approved")?;
    let signer = Signer::new(&fedapay(), &Secret::new(SECRET)?)?;
    // As a provider does: signed anew, again and again, until it is told that all is well.
    let deliver = async |worker: &Worker| -> Result<String, Box<dyn Error>> {
        for _ in 0..ATTEMPTS {
            let signed = signer.sign(&event, SystemTime::now().into())?;
            let answer = worker.address.deliver(signed.to(PATH)).await?;
            if answer.status() == StatusCode::OK {
                let outcome = answer.headers().get("webhook-outcome");
                return Ok(outcome
                    .map_or(Ok("it ran here"), |it| it.to_str())?
                    .to_owned());
            }
        }
        Err("a worker took it in none of its attempts".into())
    };
    println!("one event, to three workers at once:");
    for answer in try_join_all(workers.iter().map(deliver)).await? {
        println!("  {answer}");
    }
    for worker in workers {
        worker.end()?;
    }
    Ok(())
}
