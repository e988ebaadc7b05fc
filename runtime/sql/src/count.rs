//! How many tables a statement really names, with views and common table expressions expanded.
//!
//! 1. Each reference to a common table expression repeats its whole body, as in SQLite, so doubling
//!    chains are counted, not walked.
//! 2. A name stands for the innermost visible expression of that name; all expressions of one WITH see
//!    each other, those of outer WITHs too.
//! 3. An expression that reaches itself is recursive, with or without the word.

/// The statement itself, as the owner of FROM terms.
const STATEMENT: usize = 0;

struct Expression {
    name: String,
    terms: usize,
    references: Vec<usize>,
    /// The most equal column names it can deliver, once its body is printed.
    equal_names: Option<usize>,
}

/// FROM terms by owner: the statement, or one of its common table expressions.
pub(crate) struct FromTerms {
    owners: Vec<Expression>,
    visible: Vec<Vec<usize>>,
    owner: usize,
}

impl FromTerms {
    pub(crate) fn new() -> FromTerms {
        let statement =
            Expression { name: String::new(), terms: 0, references: Vec::new(), equal_names: None };
        FromTerms { owners: vec![statement], visible: Vec::new(), owner: STATEMENT }
    }

    /// A WITH clause begins; returns the expressions in their order.
    pub(crate) fn enter(&mut self, names: impl Iterator<Item = String>) -> Vec<usize> {
        let first = self.owners.len();
        self.owners.extend(names.map(|name| Expression {
            name,
            terms: 0,
            references: Vec::new(),
            equal_names: None,
        }));
        let ids: Vec<usize> = (first..self.owners.len()).collect();
        self.visible.push(ids.clone());
        ids
    }

    /// The statement that a WITH clause belongs to ends.
    pub(crate) fn leave(&mut self) {
        self.visible.pop();
    }

    /// How many common table expressions there are in the statement.
    pub(crate) fn expressions(&self) -> usize {
        self.owners.len() - 1
    }

    /// The body of an expression begins; returns the owner to go back to.
    pub(crate) fn own(&mut self, owner: usize) -> usize {
        std::mem::replace(&mut self.owner, owner)
    }

    pub(crate) fn set_equal_names(&mut self, expression: usize, count: usize) {
        self.owners[expression].equal_names = Some(count);
    }

    pub(crate) fn equal_names(&self, expression: usize) -> Option<usize> {
        self.owners[expression].equal_names
    }

    /// The visible expression of this name (rule 2).
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.visible
            .iter()
            .rev()
            .find_map(|with| with.iter().copied().find(|id| self.owners[*id].name == name))
    }

    /// Whether the body of this expression is being printed.
    pub(crate) fn is_owner(&self, expression: usize) -> bool {
        self.owner == expression
    }

    pub(crate) fn refer(&mut self, expression: usize) {
        self.owners[self.owner].references.push(expression);
    }

    pub(crate) fn add(&mut self, terms: usize) {
        let owner = &mut self.owners[self.owner];
        owner.terms = owner.terms.saturating_add(terms);
    }

    /// The terms of the statement, or `None` if an expression reaches itself (rule 3).
    pub(crate) fn total(&self) -> Option<usize> {
        let mut totals = vec![None; self.owners.len()];
        let mut path = vec![false; self.owners.len()];
        for owner in 0..self.owners.len() {
            self.expand(owner, &mut totals, &mut path)?;
        }
        totals[STATEMENT]
    }

    fn expand(
        &self,
        owner: usize,
        totals: &mut [Option<usize>],
        path: &mut [bool],
    ) -> Option<usize> {
        if let Some(total) = totals[owner] {
            return Some(total);
        }
        if std::mem::replace(&mut path[owner], true) {
            return None;
        }
        let mut total = self.owners[owner].terms;
        for reference in &self.owners[owner].references {
            total = total.saturating_add(self.expand(*reference, totals, path)?);
        }
        path[owner] = false;
        totals[owner] = Some(total);
        Some(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(length: usize) -> FromTerms {
        let mut terms = FromTerms::new();
        let ids = terms.enter((0..length).map(|at| format!("c{at}")));
        for (at, id) in ids.iter().enumerate() {
            let before = terms.own(*id);
            if at == 0 {
                terms.add(1);
            } else {
                terms.refer(ids[at - 1]);
                terms.refer(ids[at - 1]);
            }
            terms.own(before);
        }
        terms.refer(ids[length - 1]);
        terms
    }

    #[test]
    fn rule_1_doubling_is_counted() {
        assert_eq!(chain(11).total(), Some(1024));
        assert_eq!(chain(200).total(), Some(usize::MAX));
    }

    #[test]
    fn rule_3_a_circle_is_recursive() {
        let mut terms = FromTerms::new();
        let ids = terms.enter(["a", "b"].into_iter().map(String::from));
        terms.own(ids[0]);
        terms.refer(ids[1]);
        assert_eq!(terms.total(), Some(0));
        terms.own(ids[1]);
        terms.refer(ids[0]);
        assert_eq!(terms.total(), None);
    }

    #[test]
    fn rule_2_the_innermost_name_wins() {
        let mut terms = FromTerms::new();
        let outer = terms.enter(["a", "b"].into_iter().map(String::from));
        let inner = terms.enter(["a"].into_iter().map(String::from));
        assert_eq!((terms.find("a"), terms.find("b")), (Some(inner[0]), Some(outer[1])));
        terms.leave();
        assert_eq!((terms.find("a"), terms.find("c")), (Some(outer[0]), None));
    }
}
