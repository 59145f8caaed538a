//! How else the URL may have been written that the provider was given.

use super::Captured;

/// A URL to try, and how it differs, in words: its query may hold what is no log's business.
pub(super) struct Spelling {
    pub(super) how: String,
    pub(super) url: String,
}

/// One part of a URL, and how it differs from what is configured; nothing where it does not.
type Part = (String, &'static str);

/// Where proxies write what they were asked for.
const HOSTS: &[(&str, &str)] = &[
    ("host", "the host that the header host names"),
    ("x-forwarded-host", "the host that x-forwarded-host names"),
    ("x-original-host", "the host that x-original-host names"),
];
const TARGETS: &[(&str, &str)] = &[
    ("x-original-uri", "path and query of x-original-uri"),
    ("x-original-url", "path and query of x-original-url"),
    ("x-forwarded-uri", "path and query of x-forwarded-uri"),
];

/// The spellings of a URL, those with the fewest differences first.
pub(super) fn spellings(configured: &str, delivery: &Captured) -> Vec<Spelling> {
    let Some((scheme, authority, path, query)) = parts(configured) else {
        return Vec::new();
    };
    let header = |wanted: &str| {
        let mut named = delivery.headers.iter();
        let (_, value) = named.find(|(name, _)| name.as_str() == wanted)?;
        let text = std::str::from_utf8(value).ok()?;
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(text)
    };
    let other = if scheme == "https" { "http" } else { "https" };
    let schemes = [
        (scheme, ""),
        (
            other,
            if other == "http" {
                "http, not https"
            } else {
                "https, not http"
            },
        ),
    ];

    let mut targets: Vec<(Part, String)> = vec![((path.to_owned(), ""), query.to_owned())];
    if !query.is_empty() {
        targets.push(((path.to_owned(), "no query"), String::new()));
    }
    for (name, how) in TARGETS {
        if let Some(target) = header(name).filter(|target| target.starts_with('/')) {
            let (path, query) = cut(target);
            targets.push(((path.to_owned(), how), query.to_owned()));
        }
    }
    if let Some((_, _, own, _)) = parts(&delivery.target) {
        targets.push((
            (own.to_owned(), "the path of the request"),
            query.to_owned(),
        ));
    }

    let mut all: Vec<(usize, Spelling)> = Vec::new();
    for (scheme, scheme_how) in schemes {
        for (authority, authority_how) in authorities(scheme, authority, delivery, header) {
            for ((path, path_how), query) in &targets {
                for slash in [false, true] {
                    let (path, slash_how) = match (slash, path.strip_suffix('/')) {
                        (false, _) => (path.clone(), ""),
                        (true, Some(without)) => (without.to_owned(), "no slash at its end"),
                        (true, None) => (format!("{path}/"), "a slash at its end"),
                    };
                    let differences: Vec<&str> = [scheme_how, authority_how, path_how, slash_how]
                        .into_iter()
                        .filter(|how| !how.is_empty())
                        .collect();
                    let url = format!("{scheme}://{authority}{path}{query}");
                    let known = |(_, other): &(usize, Spelling)| other.url == url;
                    if url != configured && !all.iter().any(known) {
                        let how = differences.join(", and ");
                        all.push((differences.len(), Spelling { how, url }));
                    }
                }
            }
        }
    }
    all.sort_by_key(|(differences, _)| *differences);
    all.into_iter().map(|(_, spelling)| spelling).collect()
}

fn authorities<'h>(
    scheme: &str,
    authority: &str,
    delivery: &Captured,
    header: impl Fn(&str) -> Option<&'h str>,
) -> Vec<Part> {
    let own = if scheme == "https" { "443" } else { "80" };
    let mut all = vec![(authority.to_owned(), "")];
    match authority.rsplit_once(':') {
        Some((host, _)) => all.push((host.to_owned(), "no port")),
        None => all.push((format!("{authority}:{own}"), "its port")),
    }
    for (name, how) in HOSTS {
        all.extend(header(name).map(|host| (host.to_owned(), *how)));
    }
    if let Some((_, host, ..)) = parts(&delivery.target) {
        all.push((host.to_owned(), "the host of the request"));
    }
    all
}

/// Scheme, authority, path, and the query with its mark.
fn parts(url: &str) -> Option<(&str, &str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, target) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
    let (path, query) = cut(target);
    Some((scheme, authority, path, query))
}

fn cut(target: &str) -> (&str, &str) {
    target
        .split_at_checked(target.find('?').unwrap_or(target.len()))
        .unwrap_or((target, ""))
}
