#include <gtest/gtest.h>
#include <nextpoint/point.h>

namespace nextpoint {
namespace {

TEST(Point, AssignmentsOfEveryTypeComeBackAsTheyWent) {
  const Assignments assignments{
      {"x", 0.5}, {"n", std::int64_t{3}}, {"color", "red"}, {"flag", true}};

  EXPECT_EQ(from_proto(to_proto(assignments)), assignments);
}

TEST(Point, AStandardDeviationOfZeroIsNotAnUnknownOne) {
  const auto messages = to_proto(Values{{"exact", 1, 0}, {"unknown", 2}});

  EXPECT_TRUE(messages.at(0).has_value_stddev());
  EXPECT_FALSE(messages.at(1).has_value_stddev());
  EXPECT_EQ(from_proto(messages).at(0).stddev, 0);
}

TEST(Point, AParameterOfAnotherTypeIsNamedInTheError) {
  v1::Suggestion message;
  (*message.mutable_assignments())["n"].set_int_value(3);
  const Suggestion suggestion(message);

  EXPECT_EQ(suggestion.get<std::int64_t>("n"), 3);
  try {
    suggestion.get<double>("n");
    FAIL() << "an int is no double";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'n'"), std::string::npos);
  }
}

}  // namespace
}  // namespace nextpoint
