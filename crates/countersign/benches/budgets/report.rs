//! The lines of the budgets, as they are printed.

use crate::limits::LIMITS;

/// Prints the line of a ratio, and the times it was made of.
pub(crate) fn ratio(name: &str, [ours, theirs]: [f64; 2]) {
    budget(name, ours / theirs);
    println!("    {ours:.0} ns against {theirs:.0} ns");
}

/// Prints the line of one budget.
///
/// # Panics
///
/// If the name is not among the limits.
pub(crate) fn budget(name: &str, value: f64) {
    let limit = LIMITS.iter().find(|(other, _)| *other == name);
    let (_, limit) = limit.expect("a limit of this name");
    let verdict = if value <= *limit { "ok" } else { "over" };
    println!("budget {name} {} {limit} {verdict}", rounded(value));
}

/// Three decimals for ratios, none for what is counted.
fn rounded(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value}")
    } else {
        format!("{value:.3}")
    }
}
