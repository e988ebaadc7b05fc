// An example contract in C: named counters that only grow.
//
// 1. `create` makes a counter that stands at zero; a name is taken once.
// 2. `add` adds 0 or more and answers where the counter stands.
// 3. Arguments of another type or number, and counters that are not there, end the call with a message.
#include "dadbs.h"

DESCRIBE("init", "init", "", "Makes the table.", "")
DESCRIBE("call", "create", "name TEXT", "Makes a counter that stands at zero.", "")
DESCRIBE("call", "add", "name TEXT, by INTEGER", "Adds to a counter; answers where it stands.", "INTEGER")
DESCRIBE("view", "get", "name TEXT", "Where a counter stands.", "INTEGER")

#define SQL(text) text, sizeof text - 1

static uint8_t input[1024], output[2048];

// Ends the call with what SQL says if it has failed.
static int32_t done(int32_t status) {
    if (status < 0) host_abort_sql("", 0);
    return status;
}

// One row of values stands in `output`, behind room for a count of rows.
static Bytes row(uint16_t values) {
    Bytes out = {output, output + sizeof output};
    put(&out, 1, 4);
    put(&out, values, 2);
    return out;
}

// Answers the one number of the result: the last value of its last row.
static void answer_number(void) {
    uint32_t len = result_len();
    if (len < 9 || len > sizeof input) refuse("there is no such counter");
    result_read(input);
    if (input[len - 9] != 1) refuse("there is no such counter");
    Bytes from = {input + len - 8, input + len}, out = row(1);
    put_integer(&out, (int64_t)number(&from, 8));
    output_write(output, (uint32_t)(out.at - output));
}

ENTRY(init) {
    done(sql_exec(SQL("CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY,"
                      " count INTEGER NOT NULL) STRICT"), 0, 0));
}

ENTRY(call_create) {
    Bytes from = arguments(input, sizeof input, 1), out = row(1);
    put_text(&out, text(&from));
    done(sql_exec(SQL("INSERT INTO counters VALUES (?, 0)"), output, (uint32_t)(out.at - output)));
}

ENTRY(call_add) {
    Bytes from = arguments(input, sizeof input, 2);
    Text name = text(&from);
    int64_t by = integer(&from);
    if (by < 0) refuse("a counter only grows");
    Bytes out = row(2);
    put_integer(&out, by);
    put_text(&out, name);
    int32_t changed = done(sql_exec(SQL("UPDATE counters SET count = count + ? WHERE name = ? RETURNING count"),
                                    output, (uint32_t)(out.at - output)));
    if (changed == 0) refuse("there is no such counter");
    answer_number();
}

ENTRY(view_get) {
    Bytes from = arguments(input, sizeof input, 1), out = row(1);
    put_text(&out, text(&from));
    // One row, without the count of rows.
    done(sql_query(SQL("SELECT count FROM counters WHERE name = ?"), output + 4, (uint32_t)(out.at - output) - 4));
    answer_number();
}
