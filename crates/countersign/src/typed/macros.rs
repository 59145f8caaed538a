//! [`events!`](crate::events): an enum from the names of types to their payloads.

/// Declares an enum of typed events: for each variant the name of its type, or several, and what
/// the event's JSON decodes to. A variant `Unknown { name, raw }` is added for every other type, so
/// that a `match` can be exhaustive and no event is lost to a name that nobody listed.
///
/// ```
/// use countersign::{Amount, Event};
///
/// #[derive(Debug, serde::Deserialize)]
/// struct Order {
///     reference: String,
///     total: Amount,
/// }
///
/// countersign::events! {
///     /// What the shop's provider tells of.
///     #[derive(Debug)]
///     pub enum ShopEvent {
///         /// An order was paid for.
///         "order.paid" => Paid(Order),
///         /// An order will not be paid for.
///         "order.canceled" | "order.expired" => Dropped(Order),
///         /// The provider tries the endpoint out; its payload does not matter.
///         "ping" => Ping,
///     }
/// }
///
/// // The handler takes a `Webhook<Event<ShopEvent>>`.
/// fn on_event(event: Event<ShopEvent>) {
///     match event.data {
///         ShopEvent::Paid(order) => println!("{} is paid: {}", order.reference, order.total),
///         ShopEvent::Dropped(order) => println!("{} is off", order.reference),
///         ShopEvent::Ping => {}
///         ShopEvent::Unknown { name, .. } => println!("nobody waits for {name:?}"),
///     }
/// }
/// ```
///
/// A type with a variant whose JSON does not decode is an error, and never `Unknown`, unless its
/// name was only inferred from the payload's shape. Where a type has no payload of interest, the
/// variant has none, and any JSON will do.
///
/// The payload is decoded from the whole event: the delivery's JSON, or of a batch the member.
#[macro_export]
macro_rules! events {
    (
        $(#[$meta:meta])*
        $vis:vis enum $enum:ident {
            $(
                $(#[$variant_meta:meta])*
                $($name:literal)|+ => $variant:ident $(($payload:ty))?
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        $vis enum $enum {
            $(
                $(#[$variant_meta])*
                $variant $(($payload))?,
            )*
            /// A type that is not listed.
            Unknown {
                /// Its name, where a signed byte tells it.
                name: ::std::option::Option<::std::string::String>,
                /// The event's JSON, byte for byte.
                raw: $crate::__private::Bytes,
            },
        }

        impl $crate::EventData for $enum {
            const NAMES: &'static [&'static str] = &[$($($name),+),*];

            fn decode(
                name: &str,
                raw: &[u8],
            ) -> ::std::option::Option<::std::result::Result<Self, $crate::DecodeError>> {
                match name {
                    $(
                        $($name)|+ => ::std::option::Option::Some(
                            $crate::events!(@decode name, raw, $enum, $variant $(, $payload)?)
                        ),
                    )*
                    _ => ::std::option::Option::None,
                }
            }

            fn unknown(
                name: ::std::option::Option<&str>,
                raw: $crate::__private::Bytes,
            ) -> Self {
                $enum::Unknown {
                    name: name.map(::std::convert::Into::into),
                    raw,
                }
            }
        }
    };
    (@decode $name:ident, $raw:ident, $enum:ident, $variant:ident, $payload:ty) => {
        $crate::__private::decode::<$payload>($name, $raw).map($enum::$variant)
    };
    (@decode $name:ident, $raw:ident, $enum:ident, $variant:ident) => {
        $crate::__private::decode::<$crate::__private::Anything>($name, $raw)
            .map(|_| $enum::$variant)
    };
}
