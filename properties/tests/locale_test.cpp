/// Text of cases and for other programs, in a program whose locale writes 1.234,5.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bncheck/check_laws.hpp"
#include "oracle/tests/comma_locale.hpp"
#include "report/case_line.hpp"
#include "report/console.hpp"
#include "report/json_values.hpp"
#include "report/show_case.hpp"
#include "subjects/foreign/wire.hpp"
#include "subjects/registry.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Result of `write`, which must be the same under a decimal comma.
template <class Write>
auto unmoved(const Write& write) {
  const auto usual = write();
  const CommaLocale comma;
  EXPECT_EQ(write(), usual);
  return usual;
}

Case awkward_case() {
  Case c = forward_case(true, {1024, 2}, std::vector<float>(2048, 1234.5F));
  c.config.eps = 1e-5;
  c.config.momentum = 0.3;
  c.state.num_batches_tracked = 1234567;
  return c;
}

TEST(InALocale, CasesAreShownAsEver) {
  EXPECT_THAT(unmoved([] { return show_case(awkward_case()); }), HasSubstr("1234.5"));
  EXPECT_THAT(unmoved([] { return show_case_line(awkward_case()); }), HasSubstr("1234.5"));
  EXPECT_EQ(unmoved([] { return show_measure(1.25); }), "1.25");
  EXPECT_EQ(unmoved([] { return json_text(json_number(1234.5)); }), "1234.5\n");
  EXPECT_EQ(unmoved([] { return shell_quoted("abc.so"); }), "abc.so");
}

TEST(InALocale, FramesAreWrittenAndReadAsEver) {
  const Perfect subject(dialect_from_text("pytorch,eps_floor=0.0001"));
  const Metadata reply = unmoved([&] { return capabilities_reply(subject); });
  const auto features_read = [&] {
    return capabilities_request(), read_capabilities({reply, {}}).can.errors;
  };
  EXPECT_EQ(unmoved(features_read), subject.can().errors);
  const Case c = awkward_case();
  SingleCall call;
  call.config = c.config;
  call.state = c.state;
  call.x = &std::get<Forward>(c.calls[0].operation).x;
  const Metadata request = unmoved([&] { return call_request(call); });
  EXPECT_EQ(request.at("eps"), "1e-05");
  EXPECT_EQ(request.at("num_batches_tracked"), "1234567");
}

TEST(InALocale, MessagesOfTheBatchNormKeepTheirNumbers) {
  Case c = awkward_case();
  c.config.eps = -0.5;
  const auto subject = make_subject("bn");
  const auto message = [&] { return std::get<Failure>(subject->run(c).replies.at(0).result).message; };
  EXPECT_THAT(unmoved(message), HasSubstr("-0.5"));
}

TEST(InALocale, LawsHoldAndAreViolatedAsEver) {
  const auto report = [](const std::string& subject) {
    LawCheckOptions options;
    options.cases = 20;
    options.seed = 1;
    options.folder.clear();
    return check_law(*make_subject(subject), "matches_oracle", options).report;
  };
  EXPECT_EQ(unmoved([&] { return report("bn"); }), "");
  EXPECT_THAT(unmoved([&] { return report("fault:running_var_biased"); }), Not(HasSubstr(",5")));
}

}  // namespace
}  // namespace bncheck::test
