// Fan-out, for prices: besides the row sent to the target, every subscriber (a
// shop window, Node-RED) gets the price as a retained message. A price that
// cannot be published is still replicated. If a row is sent more than once, so is
// the message.

async function tell(context, id, price) {
  try {
    await context.mqtt.publish('shop/prices/' + encodeURIComponent(id), price, { qos: 1, retain: true });
  } catch (error) {
    console.warn('could not publish price %s: %s', id, error.message);
  }
}

module.exports = async function (context) {
  await tell(context, context.id, String(context.entity.price));
  return context.entity;
};

// An empty retained message removes the price from the broker.
module.exports.onDelete = async function (context) {
  await tell(context, context.id, '');
  return context.id;
};
