#!/bin/bash -eu
# CXX, CXXFLAGS and LIB_FUZZING_ENGINE come from the environment, sanitizers among the flags. Targets run where nothing
# is installed, so their libraries travel with them.
cmake -G Ninja -S . -B "$WORK/build" -DCMAKE_BUILD_TYPE=Release -DBNCHECK_FUZZ=ON -DBNCHECK_PEERS=OFF \
  -DBNCHECK_WERROR=OFF -DCMAKE_EXE_LINKER_FLAGS='-Wl,-rpath,$ORIGIN/lib'
for target in fuzz_forward fuzz_backward fuzz_reject fuzz_case_file fuzz_frame; do
  cmake --build "$WORK/build" --target "$target"
  cp "$WORK/build/bin/$target" "$OUT/"
  mkdir -p "$OUT/lib"
  ldd "$OUT/$target" | awk '/libomp|libfmt|libhwy/ { print $3 }' | xargs -r -I{} cp -n {} "$OUT/lib/"
  (cd "corpus/fuzz/$target" && zip -q "$OUT/${target}_seed_corpus.zip" ./*)
  printf '[libfuzzer]\nmax_len = 16384\nreduce_inputs = 0\n' > "$OUT/$target.options"
done
