//! What is refused and why: the one table behind error messages and documentation.

use dadbs_types::{Code, Rejection};

macro_rules! refusals {
    ($($name:ident = $what:literal, $why:literal;)*) => {
        /// A reason to refuse a statement that SQLite would accept.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Refusal { $(#[allow(missing_docs)] $name,)* }

        impl Refusal {
            fn row(self) -> (&'static str, &'static str) {
                match self { $(Refusal::$name => ($what, $why),)* }
            }
        }

        const TABLE: &[(&str, &str)] = &[$(($what, $why),)*];
    };
}

refusals! {
    Temporary = "TEMP tables, views and triggers", "they live outside the state that nodes agree on; create an ordinary one and drop it";
    CreateAs = "CREATE TABLE ... AS SELECT", "its columns and types depend on the query; CREATE TABLE with columns, then INSERT ... SELECT";
    Autoincrement = "AUTOINCREMENT", "it keeps a hidden table; INTEGER PRIMARY KEY already numbers rows";
    VirtualTable = "virtual tables (FTS, R-tree and others)", "their shadow tables are not rows of the state; use an ordinary table";
    Trigger = "triggers", "they are not offered; put the rule into a CHECK, a foreign key action or a contract's on_insert, on_update, on_delete";
    Attach = "ATTACH and DETACH", "a statement speaks to one database; call the other database's contract";
    Pragma = "PRAGMA", "settings belong to the node; ask the catalog for schema";
    Vacuum = "VACUUM", "it renumbers rows; nodes keep their files themselves";
    Reindex = "REINDEX", "nodes keep their files themselves; DROP INDEX and CREATE INDEX rebuild one";
    Analyze = "ANALYZE", "its statistics would change plans and gas; add an index instead";
    Explain = "EXPLAIN", "its rows show physical pages; simulate the statement to see its gas";
    Transaction = "BEGIN, COMMIT, ROLLBACK, SAVEPOINT and RELEASE", "a chain transaction is the transaction; put the statements into one message";
    ConflictFail = "OR FAIL and ON CONFLICT FAIL", "half of a failed statement would stay; use ABORT (the default), IGNORE or REPLACE";
    ConflictRollback = "OR ROLLBACK and ON CONFLICT ROLLBACK", "it would undo the whole block; use ABORT (the default), IGNORE or REPLACE";
    Deferrable = "DEFERRABLE foreign keys", "a violation would surface after the answer; leave the word out and order the statements";
    Recursive = "recursive common table expressions", "their work has no bound that is known before; loop in a contract";
    Function = "functions that are not in the list of offered functions", "they are not deterministic, show the node, or are not part of the build; see the list of functions";
    TableFunction = "table-valued functions other than json_each and json_tree in FROM", "they count without end or show the node; keep the elements in a table or in a JSON array";
    Collation = "collations other than BINARY, NOCASE and RTRIM", "no other is part of the build; use one of these three";
    OrderedWrite = "UPDATE and DELETE with ORDER BY or LIMIT", "SQLite does not offer it either; use WHERE key IN (SELECT ... ORDER BY ... LIMIT ...)";
    NamedParameter = "named parameters (:name, @name, $name)", "parameters have numbers on the wire; use ? or ?1";
    Schema = "schema names other than chain (main.t, temp.t, other.t)", "a statement speaks to one database; write the table's name alone";
    ChainWrite = "chain tables outside of queries", "the chain's tables are changed by its messages; read them with SELECT";
    ChainView = "views over chain tables", "a stored text may not bind the chain's tables; SELECT from chain.name directly";
    ThreePart = "columns named with three parts (chain.accounts.address)", "give the table an alias, or write accounts.address";
    SystemTable = "names that begin with sqlite_ or pragma_", "they are SQLite's own; choose another name, and ask the catalog for schema";
    Match = "MATCH and REGEXP", "no function of the build stands behind them; use LIKE or GLOB";
    Raise = "RAISE", "it belongs to triggers, which are not offered; use a CHECK";
    AlterForm = "ALTER TABLE other than RENAME, RENAME COLUMN, ADD COLUMN, DROP COLUMN", "create a new table, copy the rows and rename it";
    EqualNames = "five or more equal column names in a subquery, view or common table expression", "SQLite would make them differ by chance; name the columns with AS";
    NumberedColumn = "column names that end in a colon and digits (a:1)", "SQLite makes such names for equal columns; choose another name";
    ReadOnly = "anything but SELECT where only reading is allowed", "send it as a transaction";
    ManyStatements = "more than one statement in a text", "send them as a list of statements";
    NoStatement = "a text without a statement", "write one statement";
    ProtectedView = "views where rows are protected", "a view would show what row access hides; write its query";
    ProtectedTable = "REPLACE, UPDATE ... FROM and INDEXED BY on tables with row access", "they would tell of or touch hidden rows; use ON CONFLICT DO UPDATE, a subquery, or let the contract do it";
    ProtectedSchema = "changes of the schema under row access", "they touch all rows; the contract's own code makes them without row access";
    NulCharacter = "the character with code 0 in a text", "SQLite would end the text there; pass the value as a parameter";
}

/// What is refused, and why and what to do instead: the table of the documentation.
pub fn refusals() -> &'static [(&'static str, &'static str)] {
    TABLE
}

impl Refusal {
    /// The rejection for this refusal at a place (`line:column`) of the text.
    pub(crate) fn at(self, place: &str) -> Rejection {
        let (what, why) = self.row();
        Rejection::new(Code::SqlRefused, format!("at {place}: {what}: not offered: {why}"))
    }
}
