/// Settings of the sanitizers for a fuzzing process.

// Full stacks come from the replay of a finding by the plain program; here every allocation would pay for
// them. Detection of use after return costs as much and is left to the preset `sanitize`.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "malloc_context_size=3:quarantine_size_mb=8:thread_local_quarantine_size_kb=64:"
         "detect_stack_use_after_return=0";
}

// OpenMP's runtimes keep their threads and the memory of these until the process ends.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libomp\nleak:libgomp\n";
}
