//! Types as texts, also by other names.
//!
//! 1. `type A = B;` makes A mean B wherever a type is read, with parameters and through other aliases.
//! 2. Of a path to a type only its last part is kept: modules do not matter.

use crate::model::{Model, is_test};
use quote::ToTokens;
use syn::{GenericParam, Item, Type};

/// Aliases of aliases that are followed.
const DEPTH_MAX: u32 = 8;

/// `type Name<Parameters> = Target;`
#[derive(Clone, Debug)]
pub(crate) struct Alias {
    parameters: Vec<String>,
    target: String,
}

impl Model {
    /// Learns the aliases of one file, before its other items are read.
    pub(crate) fn take_aliases(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Mod(inner) if !is_test(&inner.attrs) => {
                    if let Some((_, items)) = &inner.content {
                        self.take_aliases(items);
                    }
                }
                Item::Type(alias) => {
                    let parameters =
                        alias.generics.params.iter().map(|parameter| match parameter {
                            GenericParam::Type(ty) => ty.ident.to_string(),
                            other => other.to_token_stream().to_string().replace(' ', ""),
                        });
                    let parameters = parameters.collect();
                    let target = type_name(&alias.ty);
                    self.aliases.insert(alias.ident.to_string(), Alias { parameters, target });
                }
                _ => {}
            }
        }
    }

    /// What a type is, as [`type_name`] with aliases followed.
    pub(crate) fn type_of(&self, ty: &Type) -> String {
        self.resolved_type(&type_name(ty))
    }

    /// See [`Model::type_of`].
    pub(crate) fn resolved_type(&self, ty: &str) -> String {
        self.follow(ty, DEPTH_MAX)
    }

    fn follow(&self, ty: &str, depth: u32) -> String {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let mut out = String::new();
        let mut rest = ty;
        while let Some(start) = rest.find(is_word) {
            out += &rest[..start];
            rest = &rest[start..];
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let name = &rest[..end];
            rest = &rest[end..];
            if let Some(after) = rest.strip_prefix("::")
                && after.starts_with(is_word)
            {
                rest = after;
                continue;
            }
            match self.aliases.get(name) {
                Some(alias) if depth > 0 => {
                    let (arguments, after) = arguments(rest);
                    rest = after;
                    out += &self.follow(&alias.with(&arguments), depth - 1);
                }
                _ => out += name,
            }
        }
        out + rest
    }
}

impl Alias {
    fn with(&self, arguments: &[&str]) -> String {
        let mut target = self.target.clone();
        for (parameter, argument) in self.parameters.iter().zip(arguments) {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let parts: Vec<&str> = target.split_inclusive(|c| !is_word(c)).collect();
            target = parts
                .into_iter()
                .map(|part| {
                    let name = part.trim_end_matches(|c| !is_word(c));
                    if name == parameter { part.replacen(name, argument, 1) } else { part.into() }
                })
                .collect();
        }
        target
    }
}

/// The parts of `<a,b<c>>` at the beginning of a text, and what follows.
fn arguments(text: &str) -> (Vec<&str>, &str) {
    let Some(inner) = text.strip_prefix('<') else { return (Vec::new(), text) };
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if depth == 0 => {
                parts.push(&inner[start..at]);
                return (parts, &inner[at + 1..]);
            }
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            '>' | ')' | ']' => depth -= 1,
            _ => {}
        }
    }
    (parts, "")
}

/// A type without references, lifetimes and spaces.
pub(crate) fn type_name(ty: &Type) -> String {
    match ty {
        Type::Reference(reference) => type_name(&reference.elem),
        Type::Slice(slice) => format!("[{}]", type_name(&slice.elem)),
        other => other.to_token_stream().to_string().replace(' ', ""),
    }
}

/// The innermost type of `Result`, `Option` and `Vec`.
pub(crate) fn inner(ty: &str) -> &str {
    for wrapper in ["Result<", "Option<", "Vec<", "Written<", "Updated<"] {
        if let Some(rest) = ty.strip_prefix(wrapper) {
            let mut depth = 0;
            for (at, c) in rest.char_indices() {
                match c {
                    '<' | '(' => depth += 1,
                    ',' | '>' if depth == 0 => return inner(&rest[..at]),
                    '>' | ')' => depth -= 1,
                    _ => {}
                }
            }
        }
    }
    ty.trim_start_matches(['[', '&']).trim_end_matches(']')
}

/// What a `Result` holds.
pub(crate) fn answer(ty: &str) -> String {
    let Some(rest) = ty.strip_prefix("Result<") else { return ty.into() };
    let mut depth = 0;
    let end = rest.find(|c| {
        match c {
            '<' | '(' => depth += 1,
            ',' | '>' if depth == 0 => return true,
            '>' | ')' => depth -= 1,
            _ => {}
        }
        false
    });
    rest[..end.unwrap_or(rest.len())].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_and_2_aliases_are_followed() {
        let text = "type Units = i64; type Amount = units::Units; type Answer<T> = core::result::Result<T, Refusal>;";
        let mut model = Model::default();
        model.take_aliases(&syn::parse_file(text).unwrap().items);
        assert_eq!(model.resolved_type("Answer<Vec<units::Amount>>"), "Result<Vec<i64>,Refusal>");
        assert_eq!(model.resolved_type("[Units]"), "[i64]");
        assert_eq!(model.resolved_type("Context"), "Context");
    }
}
