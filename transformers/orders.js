// Row filter, for orders: each branch gets its own orders only, and the head
// office gets all. The clients are named as the values of the column branch.
// An order that moves to another branch is deleted at the first one: null says
// that the row is not for this target, and what it had is taken away.

const HEAD_OFFICE = 'head-office';

module.exports = function (context) {
  if (context.target === HEAD_OFFICE || context.entity.branch === context.target) {
    return context.entity;
  }
  return null;
};
