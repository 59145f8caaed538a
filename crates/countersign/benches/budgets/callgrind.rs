//! Instructions, by valgrind's callgrind where there is one: they are the same on a busy machine. Valgrind knows
//! none of the processor's instructions for SHA-256, so that the hash is portable code there, on both sides.

use std::process::Command;

/// What tells this program to run one contestant alone.
pub(crate) const COUNT: &str = "count";

const FEW: u32 = 4;
const MANY: u32 = 36;

/// The instructions of one call, where this program makes as many calls as it is told when it is run as `count`,
/// `words` and a number; `None` without valgrind. What surrounds the calls cancels out.
pub(crate) fn a_call(words: &[&str]) -> Option<f64> {
    let (few, many) = (total(words, FEW)?, total(words, MANY)?);
    Some((many - few) / f64::from(MANY - FEW))
}

fn total(words: &[&str], calls: u32) -> Option<f64> {
    let program = std::env::current_exe().ok()?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let valgrind = valgrind.arg(program).arg(COUNT).args(words);
    let ended = valgrind.arg(calls.to_string()).output().ok()?;
    // A processor that valgrind does not know is as good as none.
    ended.status.success().then_some(())?;
    let told = String::from_utf8_lossy(&ended.stderr);
    let (_, collected) = told.split_once("Collected : ")?;
    collected.split_whitespace().next()?.parse().ok()
}

/// Prints how many instructions a call of ours takes beyond theirs; nothing without valgrind.
pub(crate) fn report(name: &str, words: &[&str]) {
    let who = |who| a_call(&[words, &[who]].concat());
    if let (Some(ours), Some(theirs)) = (who("ours"), who("theirs")) {
        let beyond = ours - theirs;
        println!("instructions {name} {beyond:.0} beyond {theirs:.0}");
    }
}
