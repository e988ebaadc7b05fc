//! The `#[contract]` attribute: entry points, argument decoding and the description section.
//!
//! 1. The attribute stands on an inline module. Its functions with exactly one of `#[init]`,
//!    `#[call]`, `#[view]`, `#[migrate]` become the exports `init`, `call_<name>`, `view_<name>`,
//!    `migrate`, and the module gets the marker `dadbs_abi_1`.
//! 2. There is exactly one `#[init]` and at most one `#[migrate]`; two entry points of one kind never
//!    share a name (the compiler refuses two functions of one name).
//! 3. A parameter is a plain name with a type that SQL has; others do not compile.
//! 4. The section `dadbs_abi` lists the entry points in the order of the source, one row each:
//!    kind, name, parameters as `name TYPE, ...`, and the doc comment as one paragraph. A parameter
//!    that may be NULL is `name TYPE NULL`, a variable tail is `...`.

use dadbs_types::Value;
use dadbs_types::value::encode_row;
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, Error, Expr, FnArg, Item, ItemFn, ItemMod, Lit, Meta, Pat, Type};

const KINDS: [&str; 4] = ["init", "call", "view", "migrate"];

/// Turns a module into a contract; see the rules of `dadbs_sdk`.
#[proc_macro_attribute]
pub fn contract(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let expanded = if arguments.is_empty() {
        syn::parse::<ItemMod>(item).and_then(expand)
    } else {
        Err(Error::new(Span::call_site(), "#[contract] takes no arguments"))
    };
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(mut module: ItemMod) -> syn::Result<TokenStream> {
    let Some((_, items)) = &mut module.content else {
        return Err(Error::new_spanned(
            module,
            "#[contract] needs an inline module: mod name { ... }",
        ));
    };
    let mut exports = Vec::new();
    let mut section = Vec::new();
    let mut once = Vec::new();
    for item in items.iter_mut() {
        let Item::Fn(function) = item else { continue };
        let Some(entry) = Entry::take(function)? else { continue };
        if entry.kind == "init" || entry.kind == "migrate" {
            if once.contains(&entry.kind) {
                let message = format!("a contract has one #[{}]", entry.kind);
                return Err(Error::new_spanned(&function.sig.ident, message));
            }
            once.push(entry.kind);
        }
        section.extend(entry.describe());
        exports.push(entry.export());
    }
    if !once.contains(&"init") {
        return Err(Error::new_spanned(&module.ident, "a contract needs a function with #[init]"));
    }
    let len = section.len();
    let bytes = Literal::byte_string(&section);
    let generated: TokenStream = quote! {
        #(#exports)*

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[unsafe(link_section = "dadbs_abi")]
            #[used]
            static SECTION: [u8; #len] = *#bytes;

            #[unsafe(export_name = "dadbs_abi_1")]
            extern "C" fn marker() {}
        };
    };
    items.push(Item::Verbatim(generated));
    Ok(module.into_token_stream())
}

/// One entry point.
struct Entry {
    kind: &'static str,
    function: Ident,
    parameters: Vec<(Ident, Type)>,
    signature: String,
    doc: String,
}

impl Entry {
    /// The entry point that a function is marked as; its marks are removed.
    fn take(function: &mut ItemFn) -> syn::Result<Option<Entry>> {
        let kind_of =
            |attribute: &Attribute| KINDS.into_iter().find(|kind| attribute.path().is_ident(kind));
        let kinds: Vec<&'static str> = function.attrs.iter().filter_map(kind_of).collect();
        let kind = match kinds[..] {
            [] => return Ok(None),
            [kind] => kind,
            _ => {
                let message = "a function is one of #[init], #[call], #[view], #[migrate]";
                return Err(Error::new_spanned(&function.sig.ident, message));
            }
        };
        function.attrs.retain(|attribute| kind_of(attribute).is_none());
        if !function.sig.generics.params.is_empty() || function.sig.asyncness.is_some() {
            let message = "an entry point is a plain function without generics";
            return Err(Error::new_spanned(&function.sig, message));
        }
        let mut parameters = Vec::new();
        let mut signature = Vec::new();
        for input in &function.sig.inputs {
            let (name, parameter) = named(input)?;
            let sql = sql_type(parameter).ok_or_else(|| {
                Error::new_spanned(
                    parameter,
                    "a parameter is &str, String, &[u8], \
                i64, u32, f64, bool, Value, ValueRef, an Option of these, or Rest at the end",
                )
            })?;
            signature.push(if sql == "..." { sql } else { format!("{name} {sql}") });
            parameters.push((name, parameter.clone()));
        }
        Ok(Some(Entry {
            kind,
            function: function.sig.ident.clone(),
            parameters,
            signature: signature.join(", "),
            doc: doc(&function.attrs),
        }))
    }

    /// Its row of the section (rule 4).
    fn describe(&self) -> Vec<u8> {
        let name = match self.kind {
            "call" | "view" => self.function.to_string(),
            kind => kind.to_owned(),
        };
        let row = [self.kind, &name, &self.signature, &self.doc].map(Value::from);
        encode_row(&row)
    }

    /// The exported function.
    fn export(&self) -> TokenStream {
        let export = match self.kind {
            "call" | "view" => format!("{}_{}", self.kind, self.function),
            kind => kind.to_owned(),
        };
        let wrapper = format_ident!("__dadbs_{}_{}", self.kind, self.function);
        let Entry { function, signature, .. } = self;
        let names: Vec<&Ident> = self.parameters.iter().map(|(name, _)| name).collect();
        let types = self.parameters.iter().map(|(_, parameter)| parameter);
        let texts = names.iter().map(ToString::to_string);
        quote! {
            #[cfg_attr(target_arch = "wasm32", unsafe(export_name = #export))]
            #[allow(unused_mut, dead_code)]
            extern "C" fn #wrapper() {
                ::dadbs_sdk::entry::run(#signature, |arguments| {
                    #(let #names: #types = arguments.next(#texts);)*
                    ::dadbs_sdk::entry::finish(arguments);
                    #function(#(#names),*)
                });
            }
        }
    }
}

fn named(input: &FnArg) -> syn::Result<(Ident, &Type)> {
    if let FnArg::Typed(typed) = input
        && let Pat::Ident(pattern) = &*typed.pat
    {
        return Ok((pattern.ident.clone(), &typed.ty));
    }
    Err(Error::new_spanned(input, "a parameter of an entry point is `name: type`"))
}

/// The SQL type of a parameter; `None` if there is none (rule 3).
fn sql_type(parameter: &Type) -> Option<String> {
    let text = parameter.to_token_stream().to_string().replace(' ', "");
    if let Some(inner) = text.strip_prefix("Option<").and_then(|rest| rest.strip_suffix('>')) {
        return Some(format!("{} NULL", plain_sql_type(inner)?));
    }
    plain_sql_type(&text).map(str::to_owned)
}

fn plain_sql_type(text: &str) -> Option<&'static str> {
    Some(match text {
        "&str" | "String" => "TEXT",
        "&[u8]" => "BLOB",
        "i64" | "u32" | "bool" => "INTEGER",
        "f64" => "REAL",
        "Value" | "ValueRef<'_>" => "ANY",
        "Rest<'_>" => "...",
        _ => return None,
    })
}

/// The doc comment as one paragraph.
fn doc(attributes: &[Attribute]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn rule_1_exports_are_named_by_kind() {
        let module = parse_quote! {
            mod shop {
                #[init] fn start() {}
                #[call] fn buy(item: &str, count: u32) {}
                #[view] fn stock() -> i64 { 0 }
                fn private() {}
            }
        };
        let text = expand(module).unwrap().to_string();
        for export in ["\"init\"", "\"call_buy\"", "\"view_stock\"", "\"dadbs_abi_1\""] {
            assert!(text.contains(export), "{export} is missing in {text}");
        }
        assert!(!text.contains("private ()  }") && !text.contains("call_private"));
    }

    #[test]
    fn rule_2_one_init() {
        assert!(expand(parse_quote! { mod shop { #[call] fn buy() {} } }).is_err());
        assert!(expand(parse_quote! { mod shop { #[init] fn a() {} #[init] fn b() {} } }).is_err());
        assert!(expand(parse_quote! { mod shop { #[init] #[call] fn a() {} } }).is_err());
    }

    #[test]
    fn rule_3_parameters_have_sql_types() {
        assert!(expand(parse_quote! { mod shop { #[init] fn a(x: Vec<String>) {} } }).is_err());
        assert!(expand(parse_quote! { mod shop { #[init] fn a((x, y): i64) {} } }).is_err());
        assert!(expand(parse_quote! { mod shop { #[init] fn a(x: Option<i64>) {} } }).is_ok());
    }

    #[test]
    fn rule_4_the_section_is_golden() {
        let mut function: ItemFn = parse_quote! {
            /// Buys.
            ///
            /// At the price of today.
            #[call]
            fn buy(item: &str, note: Option<&[u8]>, more: Rest<'_>) {}
        };
        let row = Entry::take(&mut function).unwrap().unwrap().describe();
        let row = dadbs_types::value::decode_row(&row).unwrap();
        let expected =
            ["call", "buy", "item TEXT, note BLOB NULL, ...", "Buys. At the price of today."];
        assert_eq!(row, expected.map(Value::from));
        assert!(function.attrs.iter().all(|attribute| !attribute.path().is_ident("call")));
    }
}
