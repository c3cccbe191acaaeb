-- Names that need quoting, or look like something else.

-- tables
CREATE TABLE `order items` (
  `order no` INT NOT NULL,
  `line-no` INT NOT NULL,
  `unit price, €` DECIMAL(10,2) NULL,
  `what?` VARCHAR(40) NULL,
  `100%` INT NULL,
  PRIMARY KEY (`order no`, `line-no`)
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE `größe-tabelle` (
  `schlüssel` VARCHAR(20) COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  `Größe` INT NULL,
  `breite` INT NULL
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE `заказы` (
  `ключ` INT NOT NULL PRIMARY KEY,
  `имя` VARCHAR(20) COLLATE utf8mb4_bin NULL,
  CONSTRAINT `внешний ключ` FOREIGN KEY (`имя`) REFERENCES `größe-tabelle` (`schlüssel`) ON DELETE SET NULL ON UPDATE CASCADE
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE `select` (
  `key` INT NOT NULL PRIMARY KEY,
  `order` INT NULL,
  `a.b` INT NULL,
  `snake_case` INT NULL,
  `snakeCase2` INT NULL,
  `$dollar` INT NULL,
  `new` INT NULL,
  `old` INT NULL,
  `__proto__` INT NULL,
  CONSTRAINT `select` FOREIGN KEY (`order`) REFERENCES `select` (`key`) ON DELETE SET NULL
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE `back``tick's "quote"` (
  `i``d` INT NOT NULL PRIMARY KEY,
  `it's` VARCHAR(10) NULL,
  `"` VARCHAR(10) NULL
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE `a.b/c#d+e` (
  `x/y` INT NOT NULL PRIMARY KEY,
  `#` INT NULL
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE `%s %d-` (
  `%s` INT NOT NULL PRIMARY KEY,
  `:name` INT NULL,
  `@v` INT NULL
) DEFAULT CHARSET=utf8mb4;
CREATE TABLE `sixty-four characters are all that a name of a table may be long` (
  `sixty-four also those of a column, which makes keys of them l` INT NULL,
  id INT NOT NULL PRIMARY KEY
) DEFAULT CHARSET=utf8mb4;

-- rows
INSERT INTO `order items` SELECT i DIV 5, i, i * 1.25, CONCAT('? ', i), i FROM {600};
INSERT INTO `größe-tabelle` SELECT CONCAT('ß', i), i, -i FROM {50};
INSERT INTO `заказы` SELECT i, CONCAT('ß', 1 + i % 50) FROM {100};
INSERT INTO `select` SELECT i, IF(i = 1, NULL, i DIV 2), i, i, i, i, i, i, i FROM {60};
INSERT INTO `back``tick's "quote"` SELECT i, '''', '"' FROM {10};
INSERT INTO `a.b/c#d+e` SELECT i, i FROM {10};
INSERT INTO `%s %d-` SELECT i, i, i FROM {10};
INSERT INTO `sixty-four characters are all that a name of a table may be long` SELECT i, i FROM {10};

-- at one site
UPDATE `order items` SET `line-no` = `line-no` + 1000, `what?` = '`' WHERE `order no` = 3;
UPDATE `größe-tabelle` SET `schlüssel` = 'ö''1' WHERE `schlüssel` = 'ß1';
DELETE FROM `größe-tabelle` WHERE `schlüssel` = 'ß2';
DELETE FROM `select` WHERE `key` = 9;
UPDATE `back``tick's "quote"` SET `it's` = '`' WHERE `i``d` = 2;
UPDATE `%s %d-` SET `%s` = 77 WHERE `%s` = 7;

-- at the other
DELETE FROM `order items` WHERE `100%` > 590;
INSERT INTO `заказы` VALUES (1000, 'ß3'), (1001, NULL);
UPDATE `select` SET `new` = 5, `old` = 6, `__proto__` = 7 WHERE `key` = 1;
DELETE FROM `a.b/c#d+e` WHERE `#` = 4;
UPDATE `back``tick's "quote"` SET `"` = '?' WHERE `i``d` = 3;
UPDATE `sixty-four characters are all that a name of a table may be long` SET id = 99 WHERE id = 9;
