//! What becomes of a function.

use std::time::Duration;

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{Error, ImplItemFn, Result};

use crate::arguments::{Arguments, Key};
use crate::signature::{self, Argument, Shape};
use crate::template::{self, Piece};

/// The function whose body is a look into the cache, with the old body as the loader.
pub(crate) fn expand(attribute: &Arguments, mut function: ImplItemFn) -> Result<TokenStream> {
    let arguments = signature::arguments(&mut function.sig)?;
    let (key, mentioned) = key(attribute, &function)?;
    check(attribute, &arguments, &mentioned, &function)?;
    let (shape, returned) = signature::shape(&function.sig)?;
    let returned = returned.clone();
    let (cache, options) = (&attribute.cache, options(attribute, shape));
    let (own, lend) = moves(&arguments, &function);
    let body = signature::without_self(function.block.to_token_stream());
    let (tag_values, tag_use) = tags(attribute)?;
    let (wrap, finish) = (wrap(shape, &tag_use), finish(shape));
    let (attributes, visibility, signature) = (&function.attrs, &function.vis, &function.sig);
    Ok(quote! {
        #(#attributes)*
        #[allow(unreachable_code, unused_variables, clippy::all)]
        #visibility #signature {
            // A handle of its own: the arguments that it may come from go into the loader.
            let __cached_cache = (#cache).clone();
            let __cached_options = #options;
            let __cached_key = #key.build();
            #tag_values
            #own
            let __cached_run = move || async move {
                // What the body's `?` and `return` are to give.
                if let ::core::option::Option::Some(__cached_never) = ::core::option::Option::None::<#returned> {
                    return __cached_never;
                }
                #lend
                let __cached_result: #returned = #body;
                __cached_result
            };
            let ::core::result::Result::Ok(__cached_key) = __cached_key else {
                // Nothing can be stored under such a key.
                return __cached_run().await;
            };
            let __cached_outcome = __cached_cache.get_or_load(&__cached_key, &__cached_options, move |_| async move {
                let __cached_loaded = __cached_run().await;
                #wrap
            }).await;
            #finish
        }
    })
}

/// The key under construction, and the names in it.
fn key(attribute: &Arguments, function: &ImplItemFn) -> Result<(TokenStream, Vec<String>)> {
    match &attribute.key {
        Key::Template(literal) => {
            let pieces = template::parse(literal)?;
            let mentioned = names(&pieces);
            let mut parts = template::parts(pieces).into_iter();
            let kind = match parts.next().as_deref() {
                Some([Piece::Text(kind)]) => kind.clone(),
                _ => {
                    let why = "a key begins with a word that says what is cached, as \"user:{id}\"";
                    return Err(Error::new(literal.span(), why));
                }
            };
            let parts = parts.map(|part| template::format(&part, literal.span()));
            Ok((
                quote!(__cached_cache.key(#kind) #(.part(#parts))*),
                mentioned,
            ))
        }
        Key::Parts(parts, span) => {
            let kind = function.sig.ident.to_string();
            let mut mentioned = Vec::new();
            parts
                .iter()
                .for_each(|part| words(part.to_token_stream(), &mut mentioned));
            let key = quote::quote_spanned!(*span=> __cached_cache.key(#kind) #(.part(&(#parts)))*);
            Ok((key, mentioned))
        }
    }
}

fn names(pieces: &[Piece]) -> Vec<String> {
    let names = pieces.iter().filter_map(|piece| match piece {
        Piece::Name(path) => path.first().cloned(),
        Piece::Text(_) => None,
    });
    names.collect()
}

/// The words that can be names of arguments: not those behind a single dot, which are fields and methods, and not those
/// behind a colon, which belong to a path.
fn words(tokens: TokenStream, found: &mut Vec<String>) {
    let mut before = (' ', ' ');
    for token in tokens {
        let mut mark = ' ';
        match token {
            TokenTree::Ident(word) if before.1 != ':' && (before.1 != '.' || before.0 == '.') => {
                found.push(word.to_string());
            }
            TokenTree::Group(group) => words(group.stream(), found),
            TokenTree::Punct(punct) => mark = punct.as_char(),
            TokenTree::Ident(_) | TokenTree::Literal(_) => {}
        }
        before = (before.1, mark);
    }
}

/// Each argument is in the key or expressly not, and only arguments are.
fn check(
    attribute: &Arguments,
    arguments: &[Argument],
    mentioned: &[String],
    function: &ImplItemFn,
) -> Result<()> {
    let mut errors: Option<Error> = None;
    let mut add = |error: Error| match &mut errors {
        Some(errors) => errors.combine(error),
        None => errors = Some(error),
    };
    let is_argument = |name: &str| {
        arguments.iter().any(|argument| argument.name == name)
            || name == "self" && function.sig.receiver().is_some()
    };
    for argument in arguments {
        let name = argument.name.to_string();
        let (in_key, skipped) = (
            mentioned.contains(&name),
            attribute.skip.iter().any(|skipped| *skipped == name),
        );
        if !in_key && !skipped {
            let why = format!(
                "`{name}` is not in the key, so calls that differ in it would get each other's values: add it to the key, or say `skip({name})` if the result does not depend on it"
            );
            add(Error::new(argument.name.span(), why));
        }
        if in_key && skipped {
            add(Error::new(
                argument.name.span(),
                format!("`{name}` is in the key and in `skip`"),
            ));
        }
    }
    for skipped in &attribute.skip {
        if !is_argument(&skipped.to_string()) {
            add(Error::new(
                skipped.span(),
                "there is no argument of this name",
            ));
        }
    }
    if let Key::Template(literal) = &attribute.key {
        for name in mentioned.iter().filter(|name| !is_argument(name)) {
            add(Error::new(
                literal.span(),
                format!("there is no argument `{name}`"),
            ));
        }
    }
    for literal in &attribute.tags {
        for name in names(&template::parse(literal)?)
            .iter()
            .filter(|name| !is_argument(name))
        {
            add(Error::new(
                literal.span(),
                format!("there is no argument `{name}`"),
            ));
        }
    }
    errors.map_or(Ok(()), Err)
}

fn options(attribute: &Arguments, shape: Shape) -> TokenStream {
    let base = match &attribute.options {
        Some(options) => quote!(::core::clone::Clone::clone(&(#options))),
        None => quote!(::tenfold_cache::Options::default()),
    };
    let set = |field: TokenStream, duration: Option<Duration>| {
        let millis = u64::try_from(duration?.as_millis()).unwrap_or(u64::MAX);
        Some(quote!(__cached_options.#field = ::core::time::Duration::from_millis(#millis);))
    };
    let sets = [
        set(quote!(lifetime), attribute.lifetime),
        set(quote!(stale), attribute.stale),
        set(quote!(negative_lifetime), attribute.negative),
        // A function without an error cannot say that it took too long.
        (!shape.fallible).then(
            || quote!(__cached_options.hard_timeout = ::tenfold_cache::macro_support::NO_LIMIT;),
        ),
    ];
    let sets = sets.iter().flatten();
    quote!({
        #[allow(unused_mut)]
        let mut __cached_options: ::tenfold_cache::Options = #base;
        #(#sets)*
        __cached_options
    })
}

/// What makes the arguments the loader's own, and what gives the body what it was written for.
fn moves(arguments: &[Argument], function: &ImplItemFn) -> (TokenStream, TokenStream) {
    let (mut own, mut lend) = (TokenStream::new(), TokenStream::new());
    if let Some((owned, lent)) = signature::receiver(&function.sig) {
        let this = signature::this();
        own.extend(quote!(let #this = #owned;));
        lend.extend(lent);
    }
    for Argument {
        name,
        is_mutable,
        lent,
    } in arguments
    {
        let mutable = is_mutable.then(|| quote!(mut));
        if let Some(lent) = lent {
            own.extend(quote!(let #name = <#lent as ::std::borrow::ToOwned>::to_owned(#name);));
            lend.extend(
                quote!(let #mutable #name: &#lent = ::std::borrow::Borrow::borrow(&#name);),
            );
        } else {
            lend.extend(quote!(let #mutable #name = #name;));
        }
    }
    (own, lend)
}

/// The tags, and what adds them to what was loaded.
fn tags(attribute: &Arguments) -> Result<(TokenStream, TokenStream)> {
    if attribute.tags.is_empty() {
        return Ok((TokenStream::new(), TokenStream::new()));
    }
    let mut tags = Vec::new();
    for literal in &attribute.tags {
        tags.push(template::format(&template::parse(literal)?, literal.span()));
    }
    Ok((
        quote!(let __cached_tags = [#(::std::string::ToString::to_string(&#tags)),*];),
        quote!(.tags(__cached_tags)),
    ))
}

fn wrap(shape: Shape, tags: &TokenStream) -> TokenStream {
    let loaded = if shape.optional {
        quote!(match __cached_value {
            ::core::option::Option::Some(__cached_value) =>
                ::tenfold_cache::Loaded::value(__cached_value),
            ::core::option::Option::None => ::tenfold_cache::Loaded::absent(),
        })
    } else {
        quote!(::tenfold_cache::Loaded::value(__cached_value))
    };
    if shape.fallible {
        quote!(__cached_loaded.map(|__cached_value| #loaded #tags))
    } else {
        quote! {
            let __cached_value = __cached_loaded;
            ::core::result::Result::<_, ::core::convert::Infallible>::Ok(#loaded #tags)
        }
    }
}

fn finish(shape: Shape) -> TokenStream {
    let support = quote!(::tenfold_cache::macro_support);
    match (shape.fallible, shape.optional) {
        (true, true) => quote!(__cached_outcome.map_err(::core::convert::From::from)),
        (true, false) => quote! {
            __cached_outcome.and_then(#support::present).map_err(::core::convert::From::from)
        },
        (false, true) => quote!(#support::certain(__cached_outcome)),
        (false, false) => quote!(#support::certain(__cached_outcome.and_then(#support::present))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(attribute: &str, function: &str) -> String {
        let attribute: Arguments = syn::parse_str(attribute).unwrap();
        match expand(&attribute, syn::parse_str(function).unwrap()) {
            Ok(_) => String::new(),
            Err(error) => error
                .into_iter()
                .map(|one| one.to_string() + "\n")
                .collect(),
        }
    }

    #[test]
    fn an_argument_is_in_the_key_or_skipped() {
        let function = "async fn f(db: &Db, id: u64, page: u32) -> u64 { 0 }";
        let all = said("cache = c, key(id)", function);
        assert!(
            all.contains("`skip(db)`")
                && all.contains("`skip(page)`")
                && !all.contains("`skip(id)`"),
            "{all}"
        );
        assert_eq!(said("cache = c, key(id, page), skip(db)", function), "");
        assert_eq!(
            said("cache = c, key = \"f:{id}:{page}\", skip(db)", function),
            ""
        );
        assert!(
            said("cache = c, key = \"f:{id}:{page}:{x}\", skip(db)", function)
                .contains("no argument `x`")
        );
        assert!(
            said("cache = c, key(id, page), skip(db, x)", function)
                .contains("no argument of this name")
        );
        assert!(
            said("cache = c, key(id, page), skip(db, id)", function)
                .contains("in the key and in `skip`")
        );
        assert!(
            said(
                "cache = c, key(id, page), skip(db), tags = [\"{y}\"]",
                function
            )
            .contains("no argument `y`")
        );
    }

    #[test]
    fn a_field_or_a_method_is_no_argument_of_the_same_name() {
        let function = "async fn f(user: &User, id: u64) -> u64 { 0 }";
        for key in ["key(user.id)", "key(user.id())", "key(user, ids::id)"] {
            let all = said(&format!("cache = c, {key}"), function);
            assert!(all.contains("`skip(id)`"), "{key}: {all}");
        }
        for key in [
            "key(user, id)",
            "key(user.name, &id)",
            "key(user.at(0..id))",
        ] {
            assert_eq!(said(&format!("cache = c, {key}"), function), "", "{key}");
        }
    }

    #[test]
    fn what_cannot_be_cached_is_said() {
        for (function, expected) in [
            ("fn f(id: u64) -> u64 { 0 }", "`async fn`"),
            ("async fn f(id: u64) { }", "nothing to cache"),
            (
                "async fn f(&mut self, id: u64) -> u64 { 0 }",
                "take `&self`",
            ),
            ("async fn f(id: &mut u64) -> u64 { 0 }", "cannot change"),
            (
                "async fn f((id, b): (u64, u64)) -> u64 { 0 }",
                "give this argument a name",
            ),
        ] {
            assert!(
                said("cache = c, key(id)", function).contains(expected),
                "{function}"
            );
        }
        assert!(
            said(
                "cache = c, key = \"{id}\"",
                "async fn f(id: u64) -> u64 { 0 }"
            )
            .contains("begins with a word")
        );
    }

    #[test]
    fn a_name_in_a_text_becomes_an_argument_of_its_format() {
        let pieces = [Piece::Name(vec!["id".to_owned()])];
        assert_eq!(
            template::format(&pieces, proc_macro2::Span::call_site())
                .to_string()
                .replace(' ', ""),
            "::core::format_args!(\"{}\",id)"
        );
    }
}
