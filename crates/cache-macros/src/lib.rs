//! The attribute `#[cached]` of `tenfold-cache`, where it is documented.
//!
//! # The idea
//! The function keeps its signature. Its body becomes the loader of a `get_or_load`, its arguments the parts of the key. An
//! argument that is not in the key would let one caller get another one's value, so it is an error
//! unless `skip` names it.
//!
//! `arguments.rs` is what the attribute says, `signature.rs` what the function says, `template.rs` texts with names in braces,
//! `expand.rs` what becomes of it all.

mod arguments;
mod expand;
mod signature;
mod template;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Answers calls of an async function from a cache. See `tenfold_cache::cached`.
#[proc_macro_attribute]
pub fn cached(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(attribute as arguments::Arguments);
    let function = parse_macro_input!(item as syn::ImplItemFn);
    expand::expand(&arguments, function)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
