/// Answers in corners of dialects that no preset reaches: a variance without a normalisation, an eps of 0 that is raised.

#include <gmock/gmock.h>

#include "bncheck/walk.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

Tensor column(const std::vector<float>& x) {
  return Tensor::of({static_cast<std::int64_t>(x.size()), 1}, x);
}

/// Without an eps, a constant channel cannot be normalised. Its variance is 0 all the same.
TEST(DialectCorners, AConstantChannelHasAVarianceWithoutAnEps) {
  for (const char* text : {"pytorch,eps_place=absent,saved=mean_var",
                           "pytorch,eps_place=absent,saved=mean_var,normalising_var=unbiased"}) {
    const Dialect dialect = dialect_from_text(text);
    const OneChannel layer;
    const ExpectedCall answer =
        expect(layer.config(), layer.state(), forward(true, column({3, 3, 3})), dialect);
    EXPECT_EQ(answer.outputs.at(Output::saved_var).nearest(0), 0) << text;
    EXPECT_EQ(answer.outputs.at(Output::saved_mean).nearest(0), 3) << text;
    EXPECT_TRUE(std::isnan(answer.outputs.at(Output::y).nearest(0))) << text;
    EXPECT_EQ(answer.outputs.at(Output::saved_var).error(0, 0, Numerics()).ratio, 0) << text;
    EXPECT_GT(answer.outputs.at(Output::saved_var).error(0, std::nan(""), Numerics()).ratio, 1) << text;
  }
}

TEST(DialectCorners, TheUnbiasedVarianceOfOneValueIsStillNotANumber) {
  const Dialect dialect =
      dialect_from_text("pytorch,saved=mean_var,normalising_var=unbiased,single_value=nan");
  const OneChannel layer{.eps = 1e-5};
  const ExpectedCall answer = expect(layer.config(), layer.state(), forward(true, column({3})), dialect);
  EXPECT_TRUE(std::isnan(answer.outputs.at(Output::saved_var).nearest(0)));
}

/// An eps that is raised to a floor above 0 is one that training takes.
TEST(DialectCorners, AnEpsOfZeroIsTakenWhereItIsRaised) {
  const Call call = forward(true, column({1, 2}));
  const OneChannel layer;
  const auto errors = [&](const char* text) {
    return errors_of(layer.config(), layer.state(), call, dialect_from_text(text));
  };
  EXPECT_EQ(errors("pytorch"), std::vector{ErrorKind::eps});
  EXPECT_TRUE(errors("pytorch,eps_floor=0.001").empty());
}

}  // namespace
}  // namespace bncheck::test
