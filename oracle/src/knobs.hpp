#pragma once
/// Records of named settings as text: "preset,key=value,key=value". One table of knobs per record drives what
/// is written, what is read and what an error says was expected.

#include <functional>
#include <initializer_list>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bncheck {

/// One setting of a record of type R.
template <class R>
struct Knob {
  std::string key;
  std::string expected;  ///< what a value may be, for messages: "f64 or f32"
  std::function<std::string(const R&)> text;
  /// false: no such value, and the record is as it was.
  std::function<bool(R&, std::string_view)> read;
};

/// "a, b or c".
inline std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t k = 0; k < words.size(); ++k) {
    text += (k == 0 ? "" : k + 1 == words.size() ? " or " : ", ") + words[k];
  }
  return text;
}

/// A knob whose values are the enumerators 0, 1, ... of E, under these words.
template <class R, class E>
Knob<R> word_knob(std::string key, E R::*member, const std::vector<std::string>& words) {
  const auto read = [member, words](R& record, std::string_view value) {
    for (std::size_t k = 0; k < words.size(); ++k) {
      if (words[k] == value) {
        record.*member = static_cast<E>(k);
        return true;
      }
    }
    return false;
  };
  return {std::move(key), listed(words),
          [member, words](const R& record) { return words[static_cast<std::size_t>(record.*member)]; }, read};
}

template <class R>
const Knob<R>* find_knob(const std::vector<Knob<R>>& knobs, std::string_view key) {
  for (const Knob<R>& knob : knobs) {
    if (knob.key == key) return &knob;
  }
  return nullptr;
}

/// The parts of a text between commas; at least one.
inline std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t comma = text.find(','); comma != text.npos; comma = text.find(',')) {
    parts.push_back(text.substr(0, comma));
    text.remove_prefix(comma + 1);
  }
  parts.push_back(text);
  return parts;
}

/// Turns the knobs that the parts name. `what` names the record in messages: "dialect". Throws
/// std::invalid_argument.
template <class R>
void turn_knobs(R& record, const std::vector<Knob<R>>& knobs, const std::vector<std::string_view>& parts,
                const std::string& what) {
  std::set<std::string> seen;
  for (const std::string_view part : parts) {
    const std::size_t equals = part.find('=');
    const std::string key(part.substr(0, equals));
    const Knob<R>* knob = find_knob(knobs, key);
    if (knob == nullptr || equals == part.npos) {
      std::vector<std::string> keys;
      for (const Knob<R>& known : knobs) keys.push_back(known.key);
      throw std::invalid_argument((knob == nullptr ? "unknown " + what + " knob '" + key + "', expected "
                                                   : what + " knob '" + key + "' has no value, expected ") +
                                  "KNOB=VALUE with one of " + listed(keys));
    }
    const std::string value(part.substr(equals + 1));
    if (!knob->read(record, value)) {
      throw std::invalid_argument("unknown value '" + value + "' of " + what + " knob '" + key +
                                  "', expected " + knob->expected);
    }
    if (!seen.insert(key).second) {
      throw std::invalid_argument(what + " knob '" + key + "' is given twice, expected once");
    }
  }
}

/// ",key=value" for every knob that is not as in `base`.
template <class R>
std::string differences(const R& record, const R& base, const std::vector<Knob<R>>& knobs) {
  std::string text;
  for (const Knob<R>& knob : knobs) {
    if (knob.text(record) != knob.text(base)) text += "," + knob.key + "=" + knob.text(record);
  }
  return text;
}

}  // namespace bncheck
