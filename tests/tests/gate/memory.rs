//! How much memory an attack takes: measured in a process of its own, in which nothing else runs.

use std::process::Command;

/// Set for a process that plays one scenario only.
const ALONE: &str = "COUNTERSIGN_GATE_ALONE";

/// Called at the end of a scenario; says nothing where other tests run beside it.
#[track_caller]
pub fn peaked_below(bytes: usize) {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    let peak = peak.expect("the peak in kB").parse::<usize>().unwrap() * 1024;
    println!("peak: {peak} bytes");
    assert!(peak < bytes, "{peak} bytes at its peak, {bytes} allowed");
}

fn alone(scenario: &str) {
    for framework in ["axum", "actix_web"] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg(format!("scenarios::{scenario}::{framework}::memory"))
            .env(ALONE, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(text.contains("1 passed"), "no such scenario: {text}");
        assert!(text.contains("peak: "), "not measured: {text}");
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn s23_alone_stays_flat() {
    alone("s23_bodies_without_end");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn s37_alone_stays_within_the_budget() {
    alone("s37_200_forged_heads");
}
