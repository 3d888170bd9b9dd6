/* A plugin whose every text is made to harm a terminal. Its answers are right but for what the environment
 * variable BNCHECK_HOSTILE names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define bncheck_plugin_table right_table
#include "plugin.c"
#undef bncheck_plugin_table

/* Clears the screen, goes back to the start of the line and fakes a line of bncheck's; CSI as one character
 * and as one byte, a mark of direction, DEL, BEL. */
static const char hostile[] =
    "\033[2J\a\rbncheck: all is well\nbncheck: all is well\r\n\302\2332J\2332J\342\200\256\177";

static int is(const char* name) {
  const char* wanted = getenv("BNCHECK_HOSTILE");
  return wanted != NULL && strcmp(wanted, name) == 0;
}

/* The text over and over, up to the last byte: there is no 0 at its end. */
static void fill(char* message, size_t bytes) {
  for (size_t k = 0; k < bytes; ++k) message[k] = hostile[k % (sizeof hostile - 1)];
}

static int hostile_training(void* context, bncheck_call* call) {
  if (is("dies")) {
    fprintf(stderr, "%s\033[2J\033]0;all is well\a the end", hostile);
    abort();
  }
  fill(call->message, call->message_bytes);
  if (is("fails")) return BNCHECK_ERROR_OTHER;
  if (is("unsupported")) return BNCHECK_UNSUPPORTED;
  if (is("fatal")) return BNCHECK_FATAL;
  return forward_training(context, call);
}

static int hostile_create(void** context, char* message, size_t message_bytes) {
  *context = NULL;
  if (!is("create")) return BNCHECK_OK;
  fill(message, message_bytes);
  return BNCHECK_ERROR_OTHER;
}

static void hostile_capabilities(void* context, bncheck_capabilities* can) {
  capabilities(context, can);
  if (is("dialect")) can->dialect = hostile;
  if (is("numerics")) can->numerics = hostile;
  if (is("dtypes")) can->dtypes = hostile;
}

const bncheck_plugin* bncheck_plugin_table(void) {
  static bncheck_plugin table_of_hostile;
  static char long_version[(8 << 20) + 1];
  fill(long_version, sizeof long_version - 1);
  table_of_hostile = *right_table();
  table_of_hostile.name = hostile;
  table_of_hostile.version = long_version;
  table_of_hostile.create = hostile_create;
  table_of_hostile.capabilities = hostile_capabilities;
  table_of_hostile.forward_training = hostile_training;
  return &table_of_hostile;
}
