// Fan-out, for prices: beside the row that goes to the target, whoever listens
// (a shop window, Node-RED) gets the price as a retained message. A price that
// cannot be published is still replicated. A row may be sent more than once, and
// then so is the message.

async function tell(context, id, price) {
  try {
    await context.mqtt.publish('shop/prices/' + encodeURIComponent(id), price, { qos: 1, retain: true });
  } catch (error) {
    console.warn('price %s is not published: %s', id, error.message);
  }
}

module.exports = async function (context) {
  await tell(context, context.id, String(context.entity.price));
  return context.entity;
};

// An empty retained message takes the price off the broker.
module.exports.onDelete = async function (context) {
  await tell(context, context.id, '');
  return context.id;
};
