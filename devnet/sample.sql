-- A small library: authors, books, members and loans.
-- Try it: dadbs sql create library && dadbs sql exec library --file devnet/sample.sql

CREATE TABLE author (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL,
    born    INTEGER,
    country TEXT NOT NULL
) STRICT;

CREATE TABLE book (
    isbn      TEXT PRIMARY KEY NOT NULL,
    title     TEXT NOT NULL,
    author_id INTEGER NOT NULL REFERENCES author (id),
    year      INTEGER NOT NULL,
    copies    INTEGER NOT NULL DEFAULT 1 CHECK (copies >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE member (
    id     INTEGER PRIMARY KEY,
    name   TEXT NOT NULL,
    email  TEXT NOT NULL UNIQUE,
    joined TEXT NOT NULL
) STRICT;

CREATE TABLE loan (
    id        INTEGER PRIMARY KEY,
    isbn      TEXT NOT NULL REFERENCES book (isbn),
    member_id INTEGER NOT NULL REFERENCES member (id) ON DELETE CASCADE,
    lent      TEXT NOT NULL,
    returned  TEXT,
    fine      REAL NOT NULL DEFAULT 0.0
) STRICT;

CREATE INDEX loan_by_member ON loan (member_id, returned);

CREATE VIEW open_loan AS
    SELECT loan.id, member.name AS member, book.title, loan.lent
    FROM loan
    JOIN member ON member.id = loan.member_id
    JOIN book ON book.isbn = loan.isbn
    WHERE loan.returned IS NULL;

INSERT INTO author (id, name, born, country) VALUES
    (1, 'Ursula K. Le Guin', 1929, 'US'),
    (2, 'Stanislaw Lem', 1921, 'PL'),
    (3, 'Italo Calvino', 1923, 'IT'),
    (4, 'Toni Morrison', 1931, 'US'),
    (5, 'Jorge Luis Borges', 1899, 'AR'),
    (6, 'Astrid Lindgren', 1907, 'SE'),
    (7, 'Chinua Achebe', 1930, 'NG'),
    (8, 'Mary Shelley', 1797, 'GB');

INSERT INTO book (isbn, title, author_id, year, copies) VALUES
    ('978-0-06-051275-6', 'The Dispossessed', 1, 1974, 3),
    ('978-0-441-47812-5', 'The Left Hand of Darkness', 1, 1969, 2),
    ('978-0-15-602760-1', 'Solaris', 2, 1961, 2),
    ('978-0-15-602759-5', 'The Cyberiad', 2, 1965, 1),
    ('978-0-15-645380-6', 'Invisible Cities', 3, 1972, 2),
    ('978-0-15-643961-9', 'If on a Winter''s Night a Traveler', 3, 1979, 1),
    ('978-1-4000-3341-6', 'Beloved', 4, 1987, 4),
    ('978-0-8021-3030-3', 'Ficciones', 5, 1944, 2),
    ('978-0-14-242102-0', 'Pippi Longstocking', 6, 1945, 3),
    ('978-0-385-47454-2', 'Things Fall Apart', 7, 1958, 2),
    ('978-0-14-143947-1', 'Frankenstein', 8, 1818, 2);

INSERT INTO member (id, name, email, joined) VALUES
    (1, 'Ada', 'ada@example.org', '2024-01-09'),
    (2, 'Grace', 'grace@example.org', '2024-02-17'),
    (3, 'Edsger', 'edsger@example.org', '2024-05-11'),
    (4, 'Barbara', 'barbara@example.org', '2024-11-07'),
    (5, 'Donald', 'donald@example.org', '2025-01-10'),
    (6, 'Frances', 'frances@example.org', '2025-08-04');

INSERT INTO loan (id, isbn, member_id, lent, returned, fine) VALUES
    (1, '978-0-06-051275-6', 1, '2025-01-05', '2025-01-20', 0.0),
    (2, '978-0-15-602760-1', 1, '2025-02-01', '2025-03-15', 1.25),
    (3, '978-1-4000-3341-6', 2, '2025-02-10', '2025-02-24', 0.0),
    (4, '978-0-8021-3030-3', 3, '2025-03-03', NULL, 0.0),
    (5, '978-0-14-242102-0', 4, '2025-03-09', '2025-03-19', 0.0),
    (6, '978-0-385-47454-2', 5, '2025-04-01', '2025-05-30', 2.5),
    (7, '978-0-14-143947-1', 6, '2025-04-12', NULL, 0.0),
    (8, '978-0-441-47812-5', 2, '2025-05-02', '2025-05-16', 0.0),
    (9, '978-0-15-645380-6', 3, '2025-05-20', NULL, 0.5),
    (10, '978-0-15-602759-5', 4, '2025-06-01', '2025-06-11', 0.0),
    (11, '978-0-06-051275-6', 5, '2025-06-15', NULL, 0.0),
    (12, '978-1-4000-3341-6', 6, '2025-06-20', '2025-07-01', 0.0);
