// Id mapping, for product_items: the two sides number their items differently.
// id_mapping, a table in the receiving database, maps remote ids to local ones;
// an item without an entry keeps its id.
//
//   CREATE TABLE id_mapping (remote_id VARCHAR(64) PRIMARY KEY, local_id VARCHAR(64) NOT NULL)

async function localId(context, id) {
  const rows = await context.mysql.query('SELECT local_id FROM id_mapping WHERE remote_id = ?', id);
  return rows.length > 0 ? rows[0].local_id : id;
}

module.exports = async function (context) {
  context.entity.id = await localId(context, context.entity.id);
  return context.entity;
};

// A delete has no entity, only the id.
module.exports.onDelete = context => localId(context, context.id);
