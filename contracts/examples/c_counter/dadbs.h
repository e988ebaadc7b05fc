// The host interface dadbs_1 for C, as far as the counter needs it: the whole table of functions is in
// runtime/abi/src/lib.rs, the encoding of values in runtime/types/src/value.rs.
//
// A value is a tag and its bytes, little endian: 0 NULL, 1 INTEGER (8 bytes), 2 REAL (8), 3 TEXT and 4 BLOB (a length
// of 4 bytes, then the bytes). A row is a count of 2 bytes and its values, rows are a count of 4 bytes and rows.
#pragma once
#include <stdint.h>

#define HOST(name) __attribute__((import_module("dadbs_1"), import_name(#name))) extern
#define ENTRY(name) __attribute__((export_name(#name))) void name(void)

HOST(input_len) uint32_t input_len(void);
HOST(input_read) void input_read(void *to);
HOST(result_len) uint32_t result_len(void);
HOST(result_read) void result_read(void *to);
HOST(output_write) void output_write(const void *from, uint32_t len);
HOST(abort) __attribute__((noreturn)) void host_abort(const char *text, uint32_t len);
HOST(abort_sql) __attribute__((noreturn)) void host_abort_sql(const char *text, uint32_t len);
HOST(sql_query) int32_t sql_query(const char *sql, uint32_t len, const void *row, uint32_t row_len);
HOST(sql_exec) int32_t sql_exec(const char *sql, uint32_t len, const void *rows, uint32_t rows_len);

// Every contract of this interface exports it.
ENTRY(dadbs_abi_1) {}

static uint32_t length(const char *text) {
    uint32_t len = 0;
    while (text[len]) len++;
    return len;
}

static __attribute__((noreturn)) void refuse(const char *text) { host_abort(text, length(text)); }

// A place in bytes that are read or written. What does not fit ends the call.
typedef struct { uint8_t *at, *end; } Bytes;

static uint8_t *take(Bytes *bytes, uint32_t len) {
    if ((uint32_t)(bytes->end - bytes->at) < len) refuse("an argument is missing or too long");
    uint8_t *taken = bytes->at;
    bytes->at += len;
    return taken;
}

static uint64_t number(Bytes *bytes, uint32_t len) {
    uint8_t *from = take(bytes, len);
    uint64_t value = 0;
    while (len--) value = value << 8 | from[len];
    return value;
}

static void put(Bytes *bytes, uint64_t value, uint32_t len) {
    uint8_t *to = take(bytes, len);
    for (uint32_t i = 0; i < len; i++) to[i] = value >> 8 * i;
}

// The input, behind the count of its arguments, which must be `count`.
static Bytes arguments(uint8_t *memory, uint32_t size, uint16_t count) {
    uint32_t len = input_len();
    if (len > size) refuse("the arguments are too long");
    input_read(memory);
    Bytes input = {memory, memory + len};
    if (number(&input, 2) != count) refuse("another number of arguments is taken");
    return input;
}

typedef struct { const uint8_t *bytes; uint32_t len; } Text;

static Text text(Bytes *input) {
    if (number(input, 1) != 3) refuse("an argument must be TEXT");
    uint32_t len = number(input, 4);
    return (Text){take(input, len), len};
}

static int64_t integer(Bytes *input) {
    if (number(input, 1) != 1) refuse("an argument must be INTEGER");
    return (int64_t)number(input, 8);
}

static void put_text(Bytes *out, Text value) {
    put(out, 3, 1);
    put(out, value.len, 4);
    uint8_t *to = take(out, value.len);
    for (uint32_t i = 0; i < value.len; i++) to[i] = value.bytes[i];
}

static void put_integer(Bytes *out, int64_t value) {
    put(out, 1, 1);
    put(out, (uint64_t)value, 8);
}

// A row of the section `dadbs_abi`, which says what the contract offers: five TEXTs (kind, name, parameters, what it
// does, what it returns). Assembler macros count their bytes; clang's C cannot fill custom sections.
__asm__(".macro text_ t\n.int8 3\n.int32 2f-1f\n1:\n.ascii \"\\t\"\n2:\n.endm\n"
        ".macro describe kind, name, parameters, what, returns\n"
        ".section .custom_section.dadbs_abi,\"\",@\n.int16 5\n"
        "text_ \"\\kind\"\ntext_ \"\\name\"\ntext_ \"\\parameters\"\ntext_ \"\\what\"\ntext_ \"\\returns\"\n"
        ".endm\n");
#define DESCRIBE(kind, name, parameters, what, returns) \
    __asm__("describe \"" kind "\", \"" name "\", \"" parameters "\", \"" what "\", \"" returns "\"\n");
