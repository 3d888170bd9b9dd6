#include "core/law.hpp"

#include <exception>

namespace bncheck {

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
