//! Macros of the crate (`macro_rules!`) with plain arms: what stands in their bodies runs where they are called.
//!
//! 1. An arm is plain if its pattern is a list of `$name:kind` between commas; the first that has as many parameters
//!    as the call has arguments is taken.
//! 2. A parameter in the body is the argument's text; what does not read as a block then is left alone.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// One arm: its parameters, and its body.
#[derive(Clone, Debug)]
pub(crate) struct Arm {
    parameters: Vec<String>,
    body: TokenStream,
}

/// The plain arms of a `macro_rules!`.
pub(crate) fn arms(tokens: TokenStream) -> Vec<Arm> {
    let groups = tokens.into_iter().filter_map(|token| match token {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    });
    let groups: Vec<TokenStream> = groups.collect();
    let (pairs, _) = groups.as_chunks::<2>();
    let plain = pairs.iter().filter_map(|[pattern, body]| {
        Some(Arm { parameters: parameters(pattern)?, body: body.clone() })
    });
    plain.collect()
}

/// The names of a pattern, unless it has repetitions or words of its own.
fn parameters(pattern: &TokenStream) -> Option<Vec<String>> {
    let parts = split(pattern.clone());
    let name = |part: &Vec<TokenTree>| match &part[..] {
        [TokenTree::Punct(dollar), TokenTree::Ident(name), TokenTree::Punct(colon), _]
            if dollar.as_char() == '$' && colon.as_char() == ':' =>
        {
            Some(name.to_string())
        }
        _ => None,
    };
    parts.iter().map(name).collect()
}

/// What stands between the commas.
fn split(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    for token in tokens {
        match &token {
            TokenTree::Punct(comma) if comma.as_char() == ',' => {
                parts.push(std::mem::take(&mut part));
            }
            _ => part.push(token),
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// The block that a call stands for (rules 1 and 2).
pub(crate) fn expand(arms: &[Arm], arguments: TokenStream) -> Option<syn::Block> {
    let arguments = split(arguments);
    let arm = arms.iter().find(|arm| arm.parameters.len() == arguments.len())?;
    let body = substitute(arm.body.clone(), &arm.parameters, &arguments);
    let block = TokenTree::Group(Group::new(Delimiter::Brace, body));
    syn::parse2(block.into()).ok()
}

fn substitute(
    body: TokenStream,
    parameters: &[String],
    arguments: &[Vec<TokenTree>],
) -> TokenStream {
    let mut out = Vec::new();
    let mut tokens = body.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(dollar) if dollar.as_char() == '$' => {
                let name = tokens.next().map(|name| name.to_string()).unwrap_or_default();
                let Some(at) = parameters.iter().position(|known| *known == name) else { continue };
                match &arguments[at][..] {
                    [single] => out.push(single.clone()),
                    several => {
                        let several = several.iter().cloned().collect();
                        out.push(Group::new(Delimiter::Parenthesis, several).into());
                    }
                }
            }
            TokenTree::Group(group) => {
                let inner = substitute(group.stream(), parameters, arguments);
                let mut copy = Group::new(group.delimiter(), inner);
                copy.set_span(group.span());
                out.push(copy.into());
            }
            other => out.push(other),
        }
    }
    out.into_iter().collect()
}
