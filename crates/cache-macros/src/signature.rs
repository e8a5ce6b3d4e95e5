//! What the function says: its arguments, and what it returns.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::spanned::Spanned as _;
use syn::{
    Error, FnArg, GenericArgument, Pat, PathArguments, Receiver, Result, ReturnType, Signature,
    Type, TypeReference,
};

/// An argument with a name.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) is_mutable: bool,
    /// Behind `&`: what is lent.
    pub(crate) lent: Option<Type>,
}

/// What the function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// `Result<…, E>`.
    pub(crate) fallible: bool,
    /// `Option<T>`, whose `None` is remembered as such.
    pub(crate) optional: bool,
}

/// The arguments. Patterns become names.
pub(crate) fn arguments(signature: &mut Signature) -> Result<Vec<Argument>> {
    if signature.asyncness.is_none() {
        return Err(Error::new(
            signature.fn_token.span(),
            "`#[cached]` is for `async fn`: a miss waits for the load",
        ));
    }
    let mut arguments = Vec::new();
    for input in &mut signature.inputs {
        match input {
            FnArg::Receiver(receiver) => check_receiver(receiver)?,
            FnArg::Typed(typed) => {
                let Pat::Ident(pattern) = &mut *typed.pat else {
                    return Err(Error::new_spanned(
                        &typed.pat,
                        "give this argument a name, and take it apart in the body",
                    ));
                };
                if pattern.by_ref.is_some() || pattern.subpat.is_some() {
                    return Err(Error::new_spanned(
                        pattern,
                        "give this argument a plain name",
                    ));
                }
                let lent = match &*typed.ty {
                    Type::Reference(reference) if reference.mutability.is_some() => {
                        return Err(Error::new_spanned(
                            reference,
                            "a load outlives its caller and cannot change what that lends",
                        ));
                    }
                    // What lives for ever can be had as it is.
                    Type::Reference(reference) if !is_static(reference) => {
                        Some((*reference.elem).clone())
                    }
                    _ => None,
                };
                let is_mutable = pattern.mutability.take().is_some();
                arguments.push(Argument {
                    name: pattern.ident.clone(),
                    is_mutable,
                    lent,
                });
            }
        }
    }
    Ok(arguments)
}

fn is_static(reference: &TypeReference) -> bool {
    reference
        .lifetime
        .as_ref()
        .is_some_and(|lifetime| lifetime.ident == "static")
}

fn check_receiver(receiver: &Receiver) -> Result<()> {
    let is_mutable = match &*receiver.ty {
        Type::Reference(reference) => reference.mutability.is_some(),
        _ => false,
    };
    if is_mutable {
        return Err(Error::new_spanned(
            receiver,
            "a load outlives its caller and cannot change `self`: take `&self`",
        ));
    }
    Ok(())
}

/// How the body gets `self`: an owned one for the loader, and what the body sees of it. A `&self` is cloned as a
/// handle is, a `self: &Arc<Self>` is one.
pub(crate) fn receiver(signature: &Signature) -> Option<(TokenStream, TokenStream)> {
    let receiver = signature.receiver()?;
    let this = this();
    Some(match &*receiver.ty {
        Type::Reference(reference) => {
            let lent = &reference.elem;
            (
                quote!(<#lent as ::core::clone::Clone>::clone(self)),
                quote!(let #this = &#this;),
            )
        }
        _ => (quote!(self), TokenStream::new()),
    })
}

/// The name of `self` in the loader, where that word is not to be had.
pub(crate) fn this() -> Ident {
    format_ident!("__cached_self")
}

/// The body with another word for `self`.
pub(crate) fn without_self(tokens: TokenStream) -> TokenStream {
    let replace = |token| match token {
        TokenTree::Ident(word) if word == "self" => {
            let mut other = this();
            other.set_span(word.span());
            TokenTree::Ident(other)
        }
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), without_self(group.stream()));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        other => other,
    };
    tokens.into_iter().map(replace).collect()
}

/// What the function returns, by the names of its types.
pub(crate) fn shape(signature: &Signature) -> Result<(Shape, &Type)> {
    let ReturnType::Type(_, returned) = &signature.output else {
        return Err(Error::new(
            signature.ident.span(),
            "there is nothing to cache: this function returns nothing",
        ));
    };
    let shape = match argument_of(returned, "Result") {
        Some(value) => Shape {
            fallible: true,
            optional: argument_of(value, "Option").is_some(),
        },
        None => Shape {
            fallible: false,
            optional: argument_of(returned, "Option").is_some(),
        },
    };
    Ok((shape, returned))
}

/// The first type argument of a type of this name.
fn argument_of<'a>(whole: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = whole else { return None };
    let last = path
        .path
        .segments
        .last()
        .filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_follows_from_names() {
        for (returned, fallible, optional) in [
            ("u32", false, false),
            ("Option<u32>", false, true),
            ("Result<u32, E>", true, false),
            ("std::result::Result<Option<u32>, E>", true, true),
            ("anyhow::Result<std::option::Option<u32>>", true, true),
            ("Vec<Option<u32>>", false, false),
        ] {
            let signature: Signature =
                syn::parse_str(&format!("async fn f() -> {returned}")).unwrap();
            assert_eq!(
                shape(&signature).unwrap().0,
                Shape { fallible, optional },
                "{returned}"
            );
        }
    }
}
