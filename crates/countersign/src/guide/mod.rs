//! The guide: what to choose, and why it is as it is. A chapter a page.
//!
//! | to | read |
//! |---|---|
//! | know why nothing has to be set | [`defaults`] |
//! | know what it withstands, and where in the code | [`attacks`] |
//! | choose where events are remembered | [`stores`] |
//! | put it behind a proxy, on several workers, and stop it | [`deploying`] |
//! | change a secret | [`secrets`] |
//! | keep live and sandbox, accounts and tenants apart | [`tenants`] |
//! | begin without a risk | [`rollout`] |
//! | see what it does, and be woken | [`watching`] |
//! | test a handler | [`testing`] |
//! | come from a check by hand, or from another crate | [`migrating`] |
//! | handle events that arrive in the wrong order | [`order`] |
//! | do work that takes long | [`slow_work`] |
//! | find events that never arrived | [`reconciliation`] |
//! | know what it does not do | [`scope`] |
//!
//! The code in it is compiled, with the adapters and stores that it uses, by the workspace's unpublished
//! crate `countersign-tests`.

macro_rules! links {
    () => {
        concat!(
            "[order]: crate::guide::order\n",
            "[reconciliation]: crate::guide::reconciliation\n",
            "[rollout]: crate::guide::rollout\n",
            "[slow_work]: crate::guide::slow_work\n",
            "[stores]: crate::guide::stores\n",
            "[watching]: crate::guide::watching\n",
            "\n"
        )
    };
}

/// One chapter a file. Its examples need crates that need this one: a test there holds that none is left out.
/// A chapter names others by their files, for whoever reads it as one. Here they are modules: of two
/// definitions of a link the first counts.
macro_rules! chapters {
    ($($name:ident)*) => {
        $(
            #[doc = links!()]
            #[cfg_attr(not(doctest), doc = include_str!(concat!(stringify!($name), ".md")))]
            #[cfg_attr(doctest, doc = "Compiled elsewhere.")]
            pub mod $name {}
        )*
    };
}

chapters! {
    defaults attacks stores deploying secrets tenants rollout watching testing migrating order slow_work
    reconciliation scope
}
