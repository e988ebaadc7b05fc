//! Doc comments and the arguments of attributes.

use syn::{Attribute, Error, Expr, Lit, LitStr, Meta};

/// The doc comment as one paragraph.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Takes the attribute `name` out of the list, if it is there; twice is an error.
pub(crate) fn take(attributes: &mut Vec<Attribute>, name: &str) -> syn::Result<Option<Attribute>> {
    let Some(at) = attributes.iter().position(|attribute| attribute.path().is_ident(name)) else {
        return Ok(None);
    };
    let taken = attributes.remove(at);
    if let Some(twice) = attributes.iter().find(|attribute| attribute.path().is_ident(name)) {
        return Err(Error::new_spanned(twice, format!("#[{name}] stands here twice")));
    }
    Ok(Some(taken))
}

/// The one string of `#[name("...")]`.
pub(crate) fn string(attribute: &Attribute) -> syn::Result<String> {
    Ok(attribute.parse_args::<LitStr>()?.value())
}
