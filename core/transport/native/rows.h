/*
 * Finds the header rows of a message in the form nearly all have: lines end in CRLF, none is folded, the name touches its
 * colon. Anything else is left to the parser (core/parser/header-index.ts), whose results these must equal; a test
 * compares both.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
  ROWS_MAX = 40,                /* more headers are the parser's */
  ROW_WORDS = 4,                /* kind (-1: not a usual name), start of the name, start and end of the value */
  ROWS_HEAD = 3,                /* count (-1: no index), end of the headers, start of the body */
  ROWS_STRIDE = ROWS_HEAD + ROWS_MAX * ROW_WORDS,
  USUAL_MAX = 32,               /* usual names */
  USUAL_LENGTH = 32             /* the longest of them, and one */
};

typedef struct usual {
  int count;
  struct { int32_t kind; uint8_t length; char name[USUAL_LENGTH]; int next; } names[USUAL_MAX];
  int by_length[USUAL_LENGTH];  /* first name of that length, or -1 */
} usual_t;

/* `packed`: for each name its kind, its length and its characters, one byte each. */
static void read_usual(usual_t *usual, const uint8_t *packed, size_t bytes) {
  usual->count = 0;
  for (int i = 0; i < USUAL_LENGTH; i++) usual->by_length[i] = -1;
  for (size_t at = 0; at + 2 <= bytes && usual->count < USUAL_MAX;) {
    uint8_t length = packed[at + 1];
    if (length == 0 || length >= USUAL_LENGTH || at + 2 + length > bytes) return;
    int n = usual->count++;
    usual->names[n].kind = packed[at];
    usual->names[n].length = length;
    memcpy(usual->names[n].name, packed + at + 2, length);
    usual->names[n].next = usual->by_length[length];
    usual->by_length[length] = n;
    at += 2 + length;
  }
}

static int32_t usual_kind(const usual_t *usual, const char *name, size_t length) {
  if (length >= USUAL_LENGTH) return -1;
  for (int i = usual->by_length[length]; i >= 0; i = usual->names[i].next)
    if (usual->names[i].name[0] == name[0] && memcmp(usual->names[i].name, name, length) == 0) return usual->names[i].kind;
  return -1;
}

static int is_blank(char c) { return c == ' ' || c == '\t'; }

/* Fills `out`, ROWS_STRIDE words; out[0] is -1 where the message is for the parser. */
static void index_rows(const usual_t *usual, const char *text, size_t length, int32_t *out) {
  out[0] = -1;
  if (length < 4 || text[0] == '\r' || text[0] == '\n') return;
  const char *end = text + length, *p = memchr(text, '\n', length);
  if (p == NULL) return;
  p++;
  int32_t *row = out + ROWS_HEAD;
  for (int n = 0; p + 1 < end; n++, row += ROW_WORDS) {
    if (p[0] == '\r' && p[1] == '\n') {
      out[1] = (int32_t)(p - text);
      out[2] = out[1] + 2;
      out[0] = n;
      return;
    }
    if (n == ROWS_MAX || is_blank(*p)) return;
    const char *eol = memchr(p, '\n', (size_t)(end - p));
    if (eol == NULL || eol == p || eol[-1] != '\r' || eol + 1 == end || is_blank(eol[1])) return;
    const char *last = eol - 1; /* the CR */
    const char *colon = memchr(p, ':', (size_t)(last - p));
    if (colon == NULL || colon == p || is_blank(colon[-1]) || memchr(p, '\r', (size_t)(last - p)) != NULL) return;
    const char *value = colon + 1;
    while (value < last && is_blank(*value)) value++;
    const char *stop = last;
    while (stop > value && is_blank(stop[-1])) stop--;
    if (value == last) value = stop = eol; /* an empty value begins and ends at the line's end */
    row[0] = usual_kind(usual, p, (size_t)(colon - p));
    row[1] = (int32_t)(p - text);
    row[2] = (int32_t)(value - text);
    row[3] = (int32_t)(stop - text);
    p = eol + 1;
  }
}
