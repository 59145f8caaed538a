//! Enums of names that a provider may add to.

/// Declares an enum of known texts, with `Other` for every other one.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $enum:ident {
            $($(#[$variant_meta:meta])* $text:literal => $variant:ident),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $enum {
            $($(#[$variant_meta])* $variant,)*
            /// A text that was not known when this was written.
            Other(Box<str>),
        }

        impl $enum {
            /// The text, as the provider writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $($enum::$variant => $text,)*
                    $enum::Other(text) => text,
                }
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $enum {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text: Box<str> = serde::Deserialize::deserialize(deserializer)?;
                Ok(match &*text {
                    $($text => $enum::$variant,)*
                    _ => $enum::Other(text),
                })
            }
        }
    };
}

pub(super) use open_enum;
