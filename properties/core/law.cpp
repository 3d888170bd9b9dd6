#include "core/law.hpp"

#include <algorithm>
#include <exception>

namespace bncheck {

std::optional<std::string> unmet_need(const Law& law, const Capabilities& can) {
  const auto lacking = std::ranges::find_if(law.needs, [&](Need need) { return !row_of(need).met(can); });
  if (lacking != law.needs.end()) return std::string(row_of(*lacking).lack);
  if (!law.traits.rejects || can.errors.contains(*law.traits.rejects)) return std::nullopt;
  return "the subject does not report the error '" + std::string(name_of(*law.traits.rejects)) + "'";
}

Verdict settled(const std::function<Verdict()>& check) {
  try {
    return check();
  } catch (Settled& early) {
    return std::move(early.verdict);
  } catch (const NoAnswer& error) {
    return Verdict::not_applicable(error.what());
  } catch (const SubjectUnavailable&) {
    throw;
  } catch (const std::exception& error) {
    return Verdict::died(std::string("it cannot be judged: ") + error.what());
  }
}

Verdict check_case(const Law& law, const Case& c, Runner& runner) {
  return settled([&] { return law.check(c, runner); });
}

}  // namespace bncheck
