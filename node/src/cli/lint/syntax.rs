//! Expressions and names, without what only copies or borrows.

use syn::Expr;
use syn::visit::Visit;

/// Words for what is money.
pub(super) const MONEY: [&str; 14] = [
    "amount", "balance", "price", "total", "fee", "cost", "paid", "payment", "supply", "deposit",
    "wage", "salary", "debt", "coins",
];

/// True if a name speaks of money.
pub(super) fn is_money(name: &str) -> bool {
    name.split('_').any(|word| {
        MONEY.contains(&word.to_ascii_lowercase().trim_end_matches('s')) || MONEY.contains(&word)
    })
}

/// The last name of a path.
pub(super) fn last(path: &syn::Path) -> String {
    path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

/// An expression without references, parentheses and what only copies.
pub(super) fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Reference(inner) => bare(&inner.expr),
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::Try(inner) => bare(&inner.expr),
        Expr::Unary(inner) => bare(&inner.expr),
        Expr::MethodCall(call) => match call.method.to_string().as_str() {
            "clone" | "to_owned" | "to_string" | "as_str" | "into" | "as_ref" | "as_bytes" => {
                bare(&call.receiver)
            }
            _ => expr,
        },
        _ => expr,
    }
}

/// The names in an expression.
pub(super) struct Names(Vec<String>);

impl Names {
    pub(super) fn of(expr: &Expr) -> Vec<String> {
        let mut names = Names(Vec::new());
        names.visit_expr(expr);
        names.0
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_ident(&mut self, ident: &'ast syn::Ident) {
        self.0.push(ident.to_string());
    }
}
