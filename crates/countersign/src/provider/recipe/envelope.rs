//! Where a scheme in words says that id and type stand, as far as they are signed.

use std::borrow::Cow;

use super::bad;
use crate::error::ConfigError;
use crate::event::{Envelope, IdSource, TypeSource};
use crate::scan::Pointer;
use crate::scheme::Scheme;

pub(super) fn envelope(
    id: Option<&str>,
    kind: Option<&str>,
    scheme: &Scheme,
) -> Result<Envelope, ConfigError> {
    let (members, id) = id_from(id, scheme)?;
    let kind = type_from(kind, members.as_ref(), scheme)?;
    Ok(Envelope {
        members,
        id,
        kind,
        time: None,
    })
}

/// Where the id stands, and the array of events if its pointer has a `*`.
fn id_from(
    text: Option<&str>,
    scheme: &Scheme,
) -> Result<(Option<Pointer>, IdSource), ConfigError> {
    let unsigned = match scheme.is_token_only() {
        true => IdSource::Unsigned,
        false => IdSource::Digest,
    };
    match text.map(|text| (text, text.split_once(':'))) {
        None => Ok((None, unsigned)),
        Some((_, Some(("header", name)))) => {
            let name = name.to_ascii_lowercase();
            // Not signed, it is a label that anyone can change, and no id.
            Ok(if signs_header(scheme, &name) {
                (None, IdSource::SignedHeader(Cow::Owned(name)))
            } else {
                (None, unsigned)
            })
        }
        Some((_, Some(("json", pointer)))) => {
            let mut names = pointer.split(" + ");
            let first = names.next().unwrap_or_default();
            let (members, pointer) = starred(first)?;
            let mut parts = vec![Pointer::new(&pointer)?];
            // The names of others beside the first.
            let beside = pointer.rsplit_once('/').map_or("", |(above, _)| above);
            for name in names {
                parts.push(Pointer::new(&format!("{beside}/{name}"))?);
            }
            let is_signed = |part| signs_field(scheme, members.as_ref(), part);
            if !parts.iter().all(is_signed) {
                let touches = |part| members.is_none() && reads_field(scheme, part);
                let is_read = parts.iter().all(|part| is_signed(part) || touches(part));
                return Ok((
                    None,
                    if is_read {
                        IdSource::SignedText
                    } else {
                        unsigned
                    },
                ));
            }
            Ok(match <[Pointer; 1]>::try_from(parts) {
                Ok([one]) => (members, IdSource::Pointer(one)),
                Err(several) => (members, IdSource::Parts(several)),
            })
        }
        // A field of a form is what the spelling of the whole form makes it.
        Some((_, Some(("form", _)))) => Ok((None, unsigned)),
        Some((text, _)) => Err(bad(format!("an id from {text:?} is not supported"))),
    }
}

fn type_from(
    text: Option<&str>,
    members: Option<&Pointer>,
    scheme: &Scheme,
) -> Result<TypeSource, ConfigError> {
    match text.map(|text| (text, text.split_once(':'))) {
        None => Ok(TypeSource::None),
        Some((text, Some(("json", pointer)))) => {
            let (of, pointer) = starred(pointer)?;
            let pointer = Pointer::new(&pointer)?;
            if !signs_field(scheme, of.as_ref(), &pointer) {
                return Ok(TypeSource::None);
            }
            if of.as_ref() != members {
                return Err(bad(format!(
                    "{text:?} names another array than \"id_from\", or none"
                )));
            }
            Ok(TypeSource::Pointers(vec![pointer]))
        }
        Some((text, _)) => Err(bad(format!("a type from {text:?} is not supported"))),
    }
}

/// Whether the signature covers the value of a header.
fn signs_header(scheme: &Scheme, name: &str) -> bool {
    let template = match scheme {
        Scheme::Hmac(scheme) => &scheme.template,
        Scheme::Message(scheme) => &scheme.template,
        _ => return false,
    };
    let template = template.to_ascii_lowercase();
    template.contains(&format!("{{header:{name}}}")) || template.contains("{signed_headers:")
}

/// Whether the signature covers a field of the body, or of each member of an array in it.
fn signs_field(scheme: &Scheme, members: Option<&Pointer>, field: &Pointer) -> bool {
    let scheme = match scheme {
        Scheme::Message(scheme) => scheme,
        Scheme::DangerousToken(_) => return false,
        _ => return true,
    };
    let whole = ["{body}", "{body_crc32}"];
    scheme.body_digest.is_some()
        || whole.iter().any(|hole| scheme.template.contains(hole))
        // A hole names a field of the body, and none of whatever member.
        || members.is_none() && scheme.proves_field(&field.to_string())
}

/// Whether a field of the body is signed by itself, wherever it ends.
fn reads_field(scheme: &Scheme, field: &Pointer) -> bool {
    matches!(scheme, Scheme::Message(scheme) if scheme.reads_field(&field.to_string()))
}

/// Splits `/events/*/id` into the array and the pointer within each member.
fn starred(pointer: &str) -> Result<(Option<Pointer>, String), ConfigError> {
    let stars = pointer.split('/').filter(|step| *step == "*").count();
    match pointer.split_once("/*/") {
        // Taken for a name, a star would find nothing, and every event would go unidentified.
        starred if stars != usize::from(starred.is_some()) => Err(bad(format!(
            "{pointer:?} has a * that is not followed by a name, or more than one"
        ))),
        None => Ok((None, pointer.to_owned())),
        Some((array, member)) => {
            let array = if array.is_empty() {
                Pointer::of(&[])
            } else {
                Pointer::new(array)?
            };
            Ok((Some(array), format!("/{member}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::{KeyFormat, MessageScheme, TokenScheme};

    #[test]
    fn a_star_stands_for_the_members_of_one_array() {
        for (pointer, splits) in [
            ("/id", Some((None, "/id"))),
            ("/events/*/id", Some((Some("/events"), "/id"))),
            ("/events/*", None),
            ("/a/*/b/*/c", None),
            ("/*", None),
        ] {
            let expected = splits.map(|(array, member)| {
                let array = array.map(|array| Pointer::new(array).expect(array));
                (array, member.to_owned())
            });
            assert_eq!(starred(pointer).ok(), expected, "{pointer}");
        }
        let events = Pointer::of(&["events"]);
        let scheme = crate::provider::github().scheme().clone();
        assert!(type_from(Some("json:/events/*/type"), Some(&events), &scheme).is_ok());
        for elsewhere in ["json:/type", "json:/others/*/type"] {
            assert!(
                type_from(Some(elsewhere), Some(&events), &scheme).is_err(),
                "{elsewhere}"
            );
        }
    }

    #[test]
    fn nothing_unsigned_is_an_id_or_a_type() {
        let token = Scheme::DangerousToken(TokenScheme {
            header: "x-token".into(),
            key: KeyFormat::TEXT,
        });
        for id in [
            None,
            Some("json:/id"),
            Some("header:x-id"),
            Some("json:/id + event"),
        ] {
            let found = envelope(id, Some("json:/type"), &token).expect("an envelope");
            assert_eq!(
                (found.id, found.kind),
                (IdSource::Unsigned, TypeSource::None)
            );
        }
    }

    /// A hole `{json:/id}` is the body's own field, and no member's.
    #[test]
    fn a_signed_field_of_the_body_is_none_of_a_member() {
        let Scheme::Message(mailgun) = crate::provider::mailgun().scheme().clone() else {
            panic!("a message");
        };
        let scheme = |template: &'static str| {
            Scheme::Message(MessageScheme {
                template: template.into(),
                ..mailgun.clone()
            })
        };
        let kind = |id: &str, kind: &str, template| {
            let found = envelope(Some(id), Some(kind), &scheme(template));
            found.map(|found| (found.members, found.id, found.kind))
        };
        let nothing = (None, IdSource::Digest, TypeSource::None);
        let fields = "{json:/id}|{json:/type}";
        let starred = kind("json:/*/id", "json:/*/type", fields);
        assert_eq!(starred.expect("an envelope"), nothing);
        let starred = kind("json:/events/*/id", "json:/events/*/type", fields);
        assert_eq!(starred.expect("an envelope"), nothing);
        let (members, id, kind) = kind("json:/id", "json:/type", fields).expect("fields");
        let at = |name: &str| Pointer::of(&[name]);
        assert_eq!((members, id), (None, IdSource::Pointer(at("id"))));
        assert_eq!(kind, TypeSource::Pointers(vec![at("type")]));
        let found = envelope(
            Some("json:/events/*/id"),
            Some("json:/events/*/type"),
            &scheme("{body_crc32}|{json:/id}"),
        );
        assert_eq!(found.expect("covered").members, Some(at("events")));
        // Where one ends and the other begins is not proved, but for a time, which has all its digits.
        for touching in [
            "{json:/id}{json:/type}",
            "{json:/type}{json:/id}",
            "{secret}{json:/id}",
            "[{query:a}]{json:/id}",
            "[{query:a};]{json:/id}",
            "{secret}.{json:/id}",
            "{method}.{json:/id}",
            "{url}.{json:/id}",
            "{json:/type}{json:/a}.{json:/id}",
        ] {
            let found = envelope(Some("json:/id"), None, &scheme(touching)).expect(touching);
            assert_eq!(found.id, IdSource::SignedText, "{touching}");
        }
        for parted in [
            "{json:/signature/timestamp}{json:/id}",
            "{json:/a}.{json:/b}.{json:/id}",
            "{json:/a}.{free-json:/b}.{json:/id}.{json:/c}",
            "[a:{query:a};]b:{json:/id}",
            "{const:a}.{json:/id}",
            "{method}{url}|{json:/id}",
            "{method}\n{url}.\n{json:/id}",
        ] {
            let found = envelope(Some("json:/id"), None, &scheme(parted)).expect(parted);
            assert_eq!(found.id, IdSource::Pointer(at("id")), "{parted}");
        }
    }
}
