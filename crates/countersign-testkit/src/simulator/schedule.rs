//! When a provider comes again, and when it gives up.

use std::borrow::Cow;
use std::time::Duration;

use countersign::Provider;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// How long a provider is taken to wait for an answer where it does not say.
const USUAL_PATIENCE: Duration = Duration::from_secs(30);

/// When a provider comes again, how long it waits for an answer, and what happens once its attempts are
/// used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    gaps: Cow<'static, [Duration]>,
    answer_within: Duration,
    switches_off: bool,
    assumption: Option<&'static str>,
}

impl Schedule {
    /// What is known of the provider, or assumed.
    pub fn of(provider: &Provider) -> Schedule {
        let retry = provider.retry();
        let gaps = retry.map_or(Cow::Borrowed(&[][..]), |retry| retry.gaps.clone());
        let (gaps, assumption) = match (provider.name(), retry) {
            (_, Some(retry)) if gaps.is_empty() => (
                doubling(retry.horizon).into(),
                Some("the gaps are not public: a minute, doubled each time, until the horizon"),
            ),
            ("centralpay", _) => (
                gaps,
                Some("the fifth gap is not public: that of the fourth"),
            ),
            ("fedapay", _) => (
                gaps,
                Some("known from third parties: nine more, doubled from a second to two minutes"),
            ),
            ("zibapay", _) => (
                gaps,
                Some("known is \"up to 24 hours, exponential\": a minute, doubled each time"),
            ),
            ("banking-circle", _) => (gaps, Some("known from third parties")),
            (_, None) => (gaps, Some("nothing is known of retries: there are none")),
            _ => (gaps, None),
        };
        Schedule {
            gaps,
            answer_within: provider.answer_within().unwrap_or(USUAL_PATIENCE),
            switches_off: matches!(provider.name(), "fedapay" | "banking-circle"),
            assumption,
        }
    }

    /// The time from the end of each attempt that failed to the next: one less than there are
    /// attempts.
    pub fn gaps(&self) -> &[Duration] {
        &self.gaps
    }

    /// How long the provider waits for an answer before it hangs up; 30 seconds where it does not
    /// say.
    pub fn answer_within(&self) -> Duration {
        self.answer_within
    }

    /// Whether the endpoint is switched off once the attempts are used up, and not the event alone
    /// given up.
    pub fn switches_off(&self) -> bool {
        self.switches_off
    }

    /// What of it is assumed, in words.
    pub fn assumption(&self) -> Option<&'static str> {
        self.assumption
    }
}

/// A minute, doubled each time, and the last gap what is left of the horizon.
fn doubling(horizon: Duration) -> Vec<Duration> {
    let mut gaps = Vec::new();
    let (mut gap, mut left) = (MINUTE, horizon);
    while left >= SECOND {
        let next = gap.min(left);
        gaps.push(next);
        left -= next;
        gap *= 2;
    }
    gaps
}

#[cfg(test)]
mod tests {
    use countersign::provider;

    use super::*;

    fn seconds(provider: &Provider) -> Vec<u64> {
        let schedule = Schedule::of(provider);
        schedule.gaps().iter().map(Duration::as_secs).collect()
    }

    #[test]
    fn the_gaps_are_the_providers() {
        assert_eq!(seconds(&provider::centralpay()), [1, 5, 30, 300, 300]);
        assert_eq!(
            seconds(&provider::fedapay()),
            [1, 2, 4, 8, 16, 32, 64, 120, 120]
        );
        assert_eq!(
            seconds(&provider::banking_circle()),
            [
                15, 30, 60, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172_800
            ]
        );
        let ziba = seconds(&provider::zibapay());
        assert_eq!(ziba.iter().sum::<u64>(), 24 * 3600);
        assert!(seconds(&provider::github()).is_empty());
    }

    #[test]
    fn where_the_gaps_are_not_public_they_fill_the_horizon() {
        let gaps = seconds(&provider::fourpay());
        assert_eq!(gaps[..4], [60, 120, 240, 480]);
        assert_eq!(gaps.iter().sum::<u64>(), 3 * 24 * 3600);
        assert!(
            Schedule::of(&provider::fourpay())
                .assumption()
                .unwrap()
                .contains("not public")
        );
    }

    #[test]
    fn two_providers_switch_an_endpoint_off() {
        let off: Vec<_> = provider::names()
            .filter(|name| Schedule::of(&provider::named(name).unwrap()).switches_off())
            .collect();
        assert_eq!(off, ["fedapay", "banking-circle"]);
        let patience = |provider| Schedule::of(&provider).answer_within().as_secs();
        assert_eq!(patience(provider::fourpay()), 10);
        assert_eq!(patience(provider::zibapay()), 30);
    }
}
