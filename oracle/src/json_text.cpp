#include "bncheck/json_text.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "bncheck/safetensors.hpp"
#include "bncheck/untrusted_text.hpp"

namespace bncheck {
namespace {

using nlohmann::json;

/// Checks the text without building a document: it keeps only the names in each object that is open.
class Inspector : public nlohmann::json_sax<json> {
 public:
  Inspector(int deepest, const std::string& what)
      : deepest_(static_cast<std::size_t>(deepest)), what_(what) {}

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return value() && open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (!names_.back().insert(name).second) {
      throw FormatError(what_ + " gives " + in_quotes(name) + " twice");
    }
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  /// The outermost value must be an object.
  bool value() const { return !names_.empty(); }
  bool open() {
    if (names_.size() > deepest_) {
      throw FormatError(what_ + " is nested more than " + std::to_string(deepest_) + " deep");
    }
    names_.emplace_back();
    return true;
  }
  bool close() {
    names_.pop_back();
    return true;
  }

  std::size_t deepest_;
  const std::string& what_;
  std::vector<std::set<std::string>> names_;
};

}  // namespace

void require_plain_json(std::string_view text, int deepest, const std::string& what) {
  Inspector inspector(deepest, what);
  if (!json::sax_parse(text, &inspector)) throw FormatError(what + " is not a JSON object");
}

}  // namespace bncheck
