#include "laws/catalogue.hpp"

#include <fnmatch.h>

#include <algorithm>

namespace bncheck {

bool matches(const std::string& pattern, const std::string& text) {
  return ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

namespace {

/// The law restricted to float32: it draws cases of that dtype only and is not applicable to others.
Law of_float32(Law law) {
  law.needs.insert(law.needs.begin(), Need::float32);
  law.draw = [inner = law.draw](Draws& draws, const Capabilities& can) {
    if (can.dtypes.size() == 1) return inner(draws, can);
    Capabilities narrowed = can;
    narrowed.dtypes = {DtypePair{}};
    return inner(draws, narrowed);
  };
  law.check = [inner = law.check](const Case& c, Runner& runner) {
    if (!refused_dtypes(c, {DtypePair{}}).empty()) {
      return Verdict::not_applicable("the law reads float32 tensors only");
    }
    return inner(c, runner);
  };
  return law;
}

}  // namespace

const std::vector<Law>& all_laws() {
  static const std::vector<Law> laws = [] {
    std::vector<Law> all;
    for (auto family :
         {oracle_laws, moment_laws, running_statistics_laws, rejection_laws, confinement_laws,
          invariance_laws, transformation_laws, affine_laws, batch_laws, momentum_laws, gradient_oracle_laws,
          gradient_identity_laws, gradient_relation_laws, gradient_invariance_laws, gradient_confinement_laws,
          gradient_scaling_laws, gradient_rejection_laws, sequence_laws}) {
      for (Law& law : family())
        all.push_back(law.traits.any_dtype ? std::move(law) : of_float32(std::move(law)));
    }
    return all;
  }();
  return laws;
}

const Law* law_named(std::string_view name) {
  for (const Law& law : all_laws()) {
    if (law.name == name) return &law;
  }
  return name == ending_law().name ? &ending_law() : nullptr;
}

LawPatterns law_patterns(std::string_view text) {
  LawPatterns patterns;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string part(text.substr(begin, end - begin));
    if (part.starts_with('!')) {
      patterns.unwanted.push_back(part.substr(1));
    } else {
      patterns.wanted.push_back(part);
    }
    begin = end + 1;
  }
  return patterns;
}

std::vector<const Law*> laws_matching(std::string_view patterns) {
  const auto [wanted, unwanted] = law_patterns(patterns);
  const auto any = [](const std::vector<std::string>& of, const std::string& name) {
    return std::ranges::any_of(of, [&](const std::string& pattern) { return matches(pattern, name); });
  };
  std::vector<const Law*> found;
  for (const Law& law : all_laws()) {
    if ((wanted.empty() || any(wanted, law.name)) && !any(unwanted, law.name)) found.push_back(&law);
  }
  if (patterns == ending_law().name) found.push_back(&ending_law());
  return found;
}

}  // namespace bncheck
