// Row filter, for orders: each branch gets only its own orders, the head office
// gets all. The column branch holds client names. An order that moves to another
// branch is deleted at the first one: null means that the row is not for this
// target, and removes it there.

const HEAD_OFFICE = 'head-office';

module.exports = function (context) {
  if (context.target === HEAD_OFFICE || context.entity.branch === context.target) {
    return context.entity;
  }
  return null;
};
