# Makes a C++ source file from the style and script of the page: cmake -DSTYLE=... -DSCRIPT=... -DOUTPUT=...
# -P embed.cmake
file(READ ${STYLE} style)
file(READ ${SCRIPT} script)
file(WRITE ${OUTPUT} "#include \"report/html_page.hpp\"\n\nnamespace bncheck {\n\n"
  "const char* const page_style = R\"embedded(${style})embedded\";\n"
  "const char* const page_script = R\"embedded(${script})embedded\";\n\n}  // namespace bncheck\n")
