//! `sql!`: a statement that the build checks.
//!
//! 1. `sql!("text", parameters...)` runs the statement: a query (SELECT, VALUES, WITH) answers
//!    `Result<Table, SqlError>`, every other statement `Result<u32, SqlError>`, the changed rows.
//! 2. Place, kind, number of parameters and text go into the custom section `dadbs_sql`, which
//!    `dadbs contract build` checks with SQLite against the contract's tables, and then removes.

use dadbs_types::Value;
use dadbs_types::value::encode_row;
use proc_macro2::{Literal, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, LitStr, Token};

/// The arguments of the macro.
pub(crate) struct Sql {
    pub(crate) text: LitStr,
    parameters: Punctuated<Expr, Token![,]>,
}

impl Parse for Sql {
    fn parse(input: ParseStream<'_>) -> syn::Result<Sql> {
        let text = input.parse().map_err(|error| {
            syn::Error::new(
                error.span(),
                "sql! takes the statement as a string literal: values are parameters",
            )
        })?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Ok(Sql { text, parameters: Punctuated::parse_terminated(input)? })
    }
}

/// True if the statement is a query by its first word.
fn is_query(text: &str) -> bool {
    let word = text.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("");
    ["SELECT", "VALUES", "WITH"].iter().any(|query| word.eq_ignore_ascii_case(query))
}

/// The expression and the row of the section; `place` is `file:line:column`.
pub(crate) fn expand(sql: &Sql, place: &str) -> TokenStream {
    let value = sql.text.value();
    let kind = if is_query(&value) { "query" } else { "exec" };
    let count = sql.parameters.len().to_string();
    let row = encode_row(&[place, kind, &count, &value].map(Value::from));
    let (len, bytes) = (row.len(), Literal::byte_string(&row));
    let (text, parameters) = (&sql.text, sql.parameters.iter());
    let run = quote::format_ident!("{kind}");
    quote! {{
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[unsafe(link_section = "dadbs_sql")]
            #[used]
            static STATEMENT: [u8; #len] = *#bytes;
        };
        ::dadbs_sdk::sql::#run(#text, ::dadbs_sdk::params![#(#parameters),*])
    }}
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn rule_1_queries_are_known_by_their_first_word() {
        assert!(is_query("  select 1") && is_query("WITH a AS (SELECT 1) SELECT * FROM a"));
        assert!(!is_query("INSERT INTO t SELECT 1") && !is_query(""));
        let sql: Sql = parse_quote! { "DELETE FROM t WHERE a = ?", 1 };
        assert!(expand(&sql, "a.rs:1:2").to_string().contains("sql :: exec"));
        assert!(syn::parse_str::<Sql>("text, 1").is_err());
    }
}
