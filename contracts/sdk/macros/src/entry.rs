//! Entry points: functions that become exports (rules 1 to 3 of the crate).

use crate::doc::{doc, take};
use crate::sql_type;
use dadbs_abi::section::{Kind, Row};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Error, FnArg, ItemFn, Meta, Pat, ReturnType, Type};

const KINDS: [Kind; 5] = [Kind::Init, Kind::Call, Kind::View, Kind::Migrate, Kind::Scheduled];

/// The parameter in front of the others of `migrate`, if there are tables.
const ACCEPT_LOSSES: &str = "accept_losses INTEGER NULL";

/// One entry point.
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) function: Ident,
    takes_context: bool,
    parameters: Vec<(Ident, Type)>,
    signature: String,
    output: ReturnType,
    payable: bool,
    doc: String,
}

impl Entry {
    /// The entry point that a function is marked as; its marks are removed.
    pub(crate) fn take(function: &mut ItemFn) -> syn::Result<Option<Entry>> {
        let mut found = Vec::new();
        for kind in KINDS {
            found
                .extend(take(&mut function.attrs, kind.name())?.map(|attribute| (kind, attribute)));
        }
        let (kind, attribute) = match &found[..] {
            [] => return Ok(None),
            [(kind, attribute)] => (*kind, attribute),
            _ => {
                let message =
                    "a function is one of #[init], #[call], #[view], #[migrate], #[scheduled]";
                return Err(Error::new_spanned(&function.sig.ident, message));
            }
        };
        let payable = match &attribute.meta {
            Meta::Path(_) => false,
            meta => {
                let takes_coins = matches!(kind, Kind::Call | Kind::Init);
                let word: Option<Ident> = attribute.parse_args().ok();
                if !takes_coins || word.is_none_or(|word| word != "payable") {
                    let message = "only #[call(payable)] and #[init(payable)] have an argument";
                    return Err(Error::new_spanned(meta, message));
                }
                true
            }
        };
        if !function.sig.generics.params.is_empty() || function.sig.asyncness.is_some() {
            let message = "an entry point is a plain function without generics";
            return Err(Error::new_spanned(&function.sig, message));
        }
        let mut entry = Entry {
            kind,
            function: function.sig.ident.clone(),
            takes_context: false,
            parameters: Vec::new(),
            signature: String::new(),
            output: function.sig.output.clone(),
            payable,
            doc: doc(&function.attrs),
        };
        let mut signature = Vec::new();
        for (at, input) in function.sig.inputs.iter().enumerate() {
            let (name, parameter) = named(input)?;
            if at == 0 && sql_type::text(parameter) == "&Context" {
                entry.takes_context = true;
                continue;
            }
            let sql = sql_type::parameter(parameter).ok_or_else(|| {
                Error::new_spanned(
                    parameter,
                    "a parameter is &str, String, &[u8], Vec<u8>, i64, u32, f64, bool, Value, ValueRef, \
                     an Option of these, or Rest at the end; the first may be &Context",
                )
            })?;
            if sql == "..." && kind == Kind::Scheduled {
                let message = "a scheduled entry point has a fixed number of parameters";
                return Err(Error::new_spanned(parameter, message));
            }
            signature.push(if sql == "..." { sql } else { format!("{name} {sql}") });
            entry.parameters.push((name, parameter.clone()));
        }
        entry.signature = signature.join(", ");
        Ok(Some(entry))
    }

    fn is_migration(&self, with_tables: bool) -> bool {
        self.kind == Kind::Migrate && with_tables
    }

    /// The parameters as the section and messages tell them.
    fn fields(&self, with_tables: bool) -> String {
        match (self.is_migration(with_tables), self.signature.as_str()) {
            (false, own) => own.into(),
            (true, "") => ACCEPT_LOSSES.into(),
            (true, own) => format!("{ACCEPT_LOSSES}, {own}"),
        }
    }

    /// Its row of the section; `columns` are those of a row type.
    pub(crate) fn describe(
        &self,
        with_tables: bool,
        columns: impl Fn(&str) -> Option<String>,
    ) -> Row {
        let name = match self.kind {
            Kind::Init | Kind::Migrate => self.kind.name().to_owned(),
            _ => self.function.to_string(),
        };
        let mut more: Vec<String> = sql_type::returns(&self.output, columns).into_iter().collect();
        if self.payable {
            more.resize(1, "rows".into());
            more.push("payable".into());
        }
        Row { kind: self.kind, name, fields: self.fields(with_tables), doc: self.doc.clone(), more }
    }

    /// The exported function.
    pub(crate) fn export(&self, with_tables: bool) -> TokenStream {
        let kind = self.kind.name();
        let export = match self.kind {
            Kind::Init | Kind::Migrate => kind.to_owned(),
            _ => format!("{kind}_{}", self.function),
        };
        let wrapper = format_ident!("__dadbs_{kind}_{}", self.function);
        let function = &self.function;
        let names: Vec<&Ident> = self.parameters.iter().map(|(name, _)| name).collect();
        let types = self.parameters.iter().map(|(_, parameter)| parameter);
        let texts = names.iter().map(ToString::to_string);
        let context = self.takes_context.then(|| quote!(&::dadbs_sdk::context(),));
        let migration = self.is_migration(with_tables);
        let losses = migration
            .then(|| quote!(let __losses: Option<bool> = arguments.next("accept_losses");));
        let before = if migration {
            quote!(::dadbs_sdk::schema::migrate(__DADBS_SCHEMA, __losses == Some(true));)
        } else if self.kind == Kind::Init && with_tables {
            quote!(::dadbs_sdk::schema::create(__DADBS_SCHEMA);)
        } else {
            TokenStream::new()
        };
        let signature = self.fields(with_tables);
        quote! {
            #[cfg_attr(target_arch = "wasm32", unsafe(export_name = #export))]
            #[allow(unused_mut, dead_code)]
            extern "C" fn #wrapper() {
                ::dadbs_sdk::entry::run(#signature, |arguments| {
                    #losses
                    #(let #names: #types = arguments.next(#texts);)*
                    ::dadbs_sdk::entry::finish(arguments);
                    #before
                    // A parameter may have the name of its function.
                    self::#function(#context #(#names),*)
                });
            }
        }
    }
}

impl Entry {
    /// The method of `ctx.later()` for a scheduled entry point, as a signature and its body.
    pub(crate) fn request(&self) -> (TokenStream, TokenStream) {
        let (function, text) = (&self.function, self.function.to_string());
        let parameters = self.parameters.iter().map(|(name, ty)| quote!(#name: #ty));
        let names = self.parameters.iter().map(|(name, _)| name);
        (
            quote!(fn #function(&self, #(#parameters),*) -> ::dadbs_sdk::later::Request),
            quote!({ ::dadbs_sdk::later::Request::new(#text, ::dadbs_sdk::params![#(#names),*]) }),
        )
    }
}

/// The row of a `migrate` that only brings the tables to what is declared.
pub(crate) fn default_migrate() -> Row {
    Row {
        kind: Kind::Migrate,
        name: Kind::Migrate.name().into(),
        fields: ACCEPT_LOSSES.into(),
        doc: "Brings the tables to what the new code declares.".into(),
        more: vec![String::new()],
    }
}

/// The export of [`default_migrate`].
pub(crate) fn default_migrate_export() -> TokenStream {
    quote! {
        #[cfg_attr(target_arch = "wasm32", unsafe(export_name = "migrate"))]
        #[allow(dead_code)]
        extern "C" fn __dadbs_migrate() {
            ::dadbs_sdk::entry::run(#ACCEPT_LOSSES, |arguments| {
                let losses: Option<bool> = arguments.next("accept_losses");
                ::dadbs_sdk::entry::finish(arguments);
                ::dadbs_sdk::schema::migrate(__DADBS_SCHEMA, losses == Some(true));
            });
        }
    }
}

/// A parameter as `name: type`.
fn named(input: &FnArg) -> syn::Result<(Ident, &Type)> {
    if let FnArg::Typed(typed) = input
        && let Pat::Ident(pattern) = &*typed.pat
        && pattern.by_ref.is_none()
    {
        return Ok((pattern.ident.clone(), &typed.ty));
    }
    Err(Error::new_spanned(input, "a parameter of an entry point is `name: type`"))
}
